"""Policy documents that several tests apply, and how a page shows which version of the reviews it was made with."""


def stars(page: str) -> str:
    """`black` (v2), `red` (v3) or `none` (v1)."""
    return "black" if "stars black" in page else "red" if "stars red" in page else "none"


def reviews(**weights: int) -> str:
    """A VirtualService that splits reviews by weight: `reviews(v1=90, v2=10)`."""
    routes = "".join(
        f"        - destination: {{ host: reviews, subset: {subset} }}\n          weight: {weight}\n"
        for subset, weight in weights.items()
    )
    return (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: reviews }\n"
        f"spec:\n  hosts: [reviews]\n  http:\n    - route:\n{routes}"
    )


def entrance(service: str, port: int = 80) -> str:
    """A Gateway for all hosts, and a VirtualService that leads every path to one service."""
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{ name: entrance }}
spec:
  selector: {{ istio: ingressgateway }}
  servers: [{{ port: {{ number: {port}, name: http, protocol: HTTP }}, hosts: ["*"] }}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{ name: entrance }}
spec:
  hosts: ["{service}.test"]
  gateways: [entrance]
  http: [{{ route: [{{ destination: {{ host: {service} }} }}] }}]
"""
