#!/usr/bin/env python3
"""moto's server, whose own EC2 holds a copy of Genkan's VPCs, subnets and security groups under the same ids: its databases, load
balancers and the like find them. It takes moto_server's arguments, and Genkan's address and keys from the environment:

    eval "$(./genkan env)"
    python3 docs/how-to/moto-beside-genkan.py -p 5000

The copy is brought up to date before each request that may name a network. Nothing goes from moto to Genkan.
"""

import functools
import re
import sys
import threading
from unittest.mock import patch

import boto3
import moto.server
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import EC2Backend, ec2_backends

# Services whose requests name no network, and of which there may be many.
WITHOUT_NETWORK = {"iam", "s3", "logs", "dynamodb", "sqs", "sns", "kms", "secretsmanager", "ssm", "monitoring"}
LOCK = threading.Lock()
copied: set[str] = set()
client_of = functools.cache(lambda region: boto3.client("ec2", region_name=region))


def update(region: str) -> None:
    """Makes moto's EC2 of a region follow Genkan's."""
    # Read under the lock: of two requests at once, the one that read first must not undo what the other has copied.
    with LOCK:
        genkan = client_of(region)
        vpcs = all_of(genkan, "describe_vpcs", "Vpcs", "VpcId")
        subnets = all_of(genkan, "describe_subnets", "Subnets", "SubnetId")
        groups = all_of(genkan, "describe_security_groups", "SecurityGroups", "GroupId")
        moto_ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][region]
        forget_what_is_gone(moto_ec2, vpcs.keys() | subnets.keys() | groups.keys())
        for vpc in vpcs.values():
            copy_vpc(moto_ec2, vpc)
        for subnet in subnets.values():
            copy_subnet(moto_ec2, subnet)
        for group in groups.values():
            copy_group(moto_ec2, group)
        copied.update(vpcs, subnets, groups)


def all_of(genkan, operation: str, key: str, id_of: str) -> dict[str, dict]:
    return {each[id_of]: each for each in genkan.get_paginator(operation).paginate().search(f"{key}[]")}


def forget_what_is_gone(moto_ec2: EC2Backend, there: set[str]) -> None:
    """What was copied, and the default VPC that moto began with; not what moto's services made for themselves in a VPC that is there."""
    gone = {vpc for vpc in moto_ec2.vpcs if vpc not in there}
    for zone in moto_ec2.subnets.values():
        for subnet in list(zone.values()):
            if subnet.vpc_id in gone or (subnet.id in copied and subnet.id not in there):
                del zone[subnet.id]
    for vpc, groups in moto_ec2.groups.items():
        for group in list(groups):
            if vpc in gone or (group in copied and group not in there):
                del groups[group]
    for vpc in gone:
        moto_ec2.delete_vpc(vpc)


def copy_vpc(moto_ec2: EC2Backend, vpc: dict) -> None:
    if vpc["VpcId"] not in moto_ec2.vpcs:
        with patch("moto.ec2.models.vpcs.random_vpc_id", lambda: vpc["VpcId"]):
            moto_ec2.create_vpc(vpc["CidrBlock"], instance_tenancy=vpc["InstanceTenancy"], is_default=vpc["IsDefault"])
        moto_ec2.groups[vpc["VpcId"]].clear()
    here = moto_ec2.vpcs[vpc["VpcId"]]
    known = {each["cidr_block"] for each in here.get_cidr_block_association_set()}
    for each in vpc["CidrBlockAssociationSet"]:
        if each["CidrBlockState"]["State"] == "associated" and each["CidrBlock"] not in known:
            here.associate_vpc_cidr_block(each["CidrBlock"])


def copy_subnet(moto_ec2: EC2Backend, subnet: dict) -> None:
    zone = subnet["AvailabilityZone"]
    if subnet["SubnetId"] not in moto_ec2.subnets.get(zone, {}):
        ipv6 = [each["Ipv6CidrBlock"] for each in subnet["Ipv6CidrBlockAssociationSet"]]
        with patch("moto.ec2.models.subnets.random_subnet_id", lambda: subnet["SubnetId"]):
            moto_ec2.create_subnet(
                subnet["VpcId"], subnet.get("CidrBlock", ""), (ipv6 or [None])[0], zone, ipv6_native=subnet["Ipv6Native"]
            )
    here = moto_ec2.subnets[zone][subnet["SubnetId"]]
    here.default_for_az = subnet["DefaultForAz"]
    here.map_public_ip_on_launch = subnet["MapPublicIpOnLaunch"]


def copy_group(moto_ec2: EC2Backend, group: dict) -> None:
    if group["GroupId"] in moto_ec2.groups[group["VpcId"]]:
        return
    with patch("moto.ec2.models.security_groups.random_security_group_id", lambda: group["GroupId"]):
        moto_ec2.create_security_group(
            group["GroupName"], group["Description"], group["VpcId"], force=True, is_default=group["GroupName"] == "default"
        )


class BesideGenkan(moto.server.DomainDispatcherApplication):
    def __call__(self, environ, start_response):
        scope = re.search(r"Credential=[^/]*/[^/]*/([^/]*)/([^/]*)/", environ.get("HTTP_AUTHORIZATION", ""))
        if scope and scope[2] not in WITHOUT_NETWORK:
            update(scope[1])
        return super().__call__(environ, start_response)


if __name__ == "__main__":
    moto.server.DomainDispatcherApplication = BesideGenkan
    moto.server.main(sys.argv[1:])
