"""A service that is as well as a file says: nothing is well, `slow` a warning, all else critical; no file, starting."""

import os
from pathlib import Path

from plait.actors import Health, Service, check, get

FILE = Path(os.environ.get("PATIENT", "/nowhere"))


class Patient(Service, name="patient"):
    @check(interval=0.1, failures=2)
    def file(self) -> Health | None:
        said = FILE.read_text().strip()
        if said == "slow":
            return Health.warning(said)
        return Health.critical(said) if said else None

    @get("/")
    def who(self) -> str:
        return self.hosting.instance.node
