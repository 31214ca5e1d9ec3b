"""The two ways of a request to the echo: from outside through the gateway, and from service to service."""

from tests.integration.load import Answer


class Way:
    """One way to the echo, or to another service like it; `host` is what it is called by there."""

    def __init__(self, world, kind, service="echo"):
        self._world = world
        self._service = service
        self.kind = kind
        self.host = "routed.test" if kind == "gateway" else service

    async def apply(self, routes, *more):
        """Put one VirtualService in force for this way alone; `routes` is its `http`, as YAML's flow."""
        gateways = "gateways: [entrance]" if self.kind == "gateway" else ""
        await self._world.apply(virtual_service("routing", self.host, routes, gateways), *more)

    async def ask(self, path, method="GET", headers=None, body=b"") -> Answer:
        """Send one request to the service."""
        if self.kind == "gateway":
            return await self._world.ask(path, method, host=self.host, headers=headers, body=body)
        return await self._world.ask(
            f"/call/{self._service}{path}", method, host="front.test", headers=headers, body=body
        )


def virtual_service(name, host, routes, more=""):
    """A VirtualService whose `http` is `routes`, in YAML's flow."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: {name} }}
spec:
  hosts: ["{host}"]
  {more}
  http: {routes}
"""


def gateway(name, *servers, selector="istio: ingressgateway"):
    """A Gateway with these servers, each in YAML's flow."""
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{ name: {name} }}
spec:
  selector: {{ {selector} }}
  servers: [{", ".join(servers)}]
"""


SUBSETS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
    - { name: gone, labels: { version: v9 } }
"""
TO = "route: [{ destination: { host: echo } }]"
