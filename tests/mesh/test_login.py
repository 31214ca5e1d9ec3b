"""Logins by environment: read, and handed on to the processes that a mesh starts."""

from pathlib import Path

import pytest

from plait.actors.bus.login import Login
from plait.actors.messages.error import BusDenied
from plait.mesh.login import VARIABLES, environment, for_system, read, system_environment


def test_an_environment_is_read_as_it_is_written():
    login = Login(user="ann", password="p,@ss", ca="/ca.pem", cert="/c.pem", key="/k.pem", insecure=True)
    written = environment({"HOME": "/"}, "nats://a,nats://b", login)
    assert read(written) == login
    assert (written["PLAIT_NATS_URL"], written["HOME"]) == ("nats://a,nats://b", "/")


def test_a_process_gets_this_login_and_no_other():
    inherited = dict.fromkeys(VARIABLES.values(), "another's")
    assert environment(inherited, "nats://a", Login(nkey="/seed")) == {
        "PLAIT_NATS_NKEY": "/seed",
        "PLAIT_NATS_URL": "nats://a",
    }


@pytest.mark.parametrize(("word", "insecure"), [("1", True), ("TRUE", True), ("0", False), ("no", False), ("", False)])
def test_insecure_is_a_clear_yes_or_it_is_not(word, insecure):
    assert read({"PLAIT_NATS_INSECURE": word}).insecure is insecure


def test_files_are_found_from_any_folder():
    assert read({"PLAIT_NATS_CREDS": "a.creds"}).creds == str(Path("a.creds").absolute())


def test_parts_that_do_not_go_together_are_refused():
    with pytest.raises(BusDenied, match="without a user"):
        read({"PLAIT_NATS_PASSWORD": "s3cret"})


def test_the_system_account_is_another_user_and_as_certain_of_the_server():
    assert for_system(Login(user="ann", password="p", ca="/ca.pem"), "", "") == Login(ca="/ca.pem")
    assert for_system(Login(token="t", insecure=True), "/s.creds", "") == Login(creds="/s.creds", insecure=True)


def test_a_registry_in_another_process_gets_the_system_account():
    told = system_environment("nats://a", Login(creds="/s.creds", ca="/ca.pem"))
    assert told == {"PLAIT_NATS_SYS": "nats://a", "PLAIT_NATS_SYS_CREDS": "/s.creds"}
