"""The network between Caddy and the services: whose address is believed is given to nobody else."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_no_container_is_handed_the_address_that_is_kept_for_caddy() -> None:
    """Docker takes the first free one: without a range of its own that is Caddy's, which then cannot start."""
    said = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    (front,) = said["networks"]["front"]["ipam"]["config"]
    kept = [IPv4Address(said["services"]["caddy"]["networks"]["front"]["ipv4_address"]), IPv4Address(front["gateway"])]
    handed_out = IPv4Network(front["ip_range"])
    assert handed_out.subnet_of(IPv4Network(front["subnet"]))
    assert all(one in IPv4Network(front["subnet"]) and one not in handed_out for one in kept)
    assert said["x-asepsis"]["environment"]["ASEPSIS_PROXIES"] == str(kept[0])
