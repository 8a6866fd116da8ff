"""What boto3's waiters and paginators do against Genkan. Arguments: the endpoint; the operations that it offers follow on stdin."""

import json
import sys

import boto3
from botocore.exceptions import ClientError, WaiterError

endpoint = sys.argv[1]
offered = set(json.load(sys.stdin))
ec2 = boto3.client("ec2", endpoint_url=endpoint)
FEW = {"Delay": 1, "MaxAttempts": 60}


def expect(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        got = error.response["Error"]["Code"]
        assert got == code, f"{got}, not {code}"
        return
    raise AssertionError(f"{code} was expected")


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
groups = [
    ec2.create_security_group(VpcId=vpc, GroupName=f"group{n}", Description="a group")["GroupId"] for n in range(12)
]
key = ec2.create_key_pair(KeyName="story")["KeyPairId"]
eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
customer = ec2.create_customer_gateway(Type="ipsec.1", PublicIp="198.51.100.7", BgpAsn=65000)["CustomerGateway"]["CustomerGatewayId"]
instance = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=groups[:1])[
    "Instances"
][0]["InstanceId"]

# Every waiter whose operation is offered ends, with success where it is told of something that is there.
THERE = {
    "customer_gateway_available": {"CustomerGatewayIds": [customer]},
    "image_available": {"ImageIds": [image]},
    "image_exists": {"ImageIds": [image]},
    "instance_exists": {"InstanceIds": [instance]},
    "instance_running": {"InstanceIds": [instance]},
    "instance_status_ok": {"InstanceIds": [instance]},
    "system_status_ok": {"InstanceIds": [instance]},
    "internet_gateway_exists": {"InternetGatewayIds": [gateway]},
    "key_pair_exists": {"KeyNames": ["story"]},
    "nat_gateway_available": {"NatGatewayIds": [nat]},
    "network_interface_available": {"NetworkInterfaceIds": [eni]},
    "security_group_exists": {"GroupIds": groups},
    "subnet_available": {"SubnetIds": [subnet]},
    "volume_in_use": {"Filters": [{"Name": "attachment.instance-id", "Values": [instance]}]},
    "vpc_available": {"VpcIds": [vpc]},
    "vpc_exists": {"VpcIds": [vpc]},
    "vpc_peering_connection_exists": {"VpcPeeringConnectionIds": [peering]},
}
waited = []
for name in ec2.waiter_names:
    waiter = ec2.get_waiter(name)
    if waiter.config.operation not in offered:
        continue
    if name in THERE:
        waiter.wait(WaiterConfig=FEW, **THERE[name])
        waited.append(name)
        continue
    try:
        waiter.wait(WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    except (WaiterError, ClientError):
        pass

# Every paginator whose operation is offered comes to its end, and its pages together are the whole.
NEEDS = {
    "DescribeLaunchTemplateVersions": {"Versions": ["$Latest"]},
    "DescribeStaleSecurityGroups": {"VpcId": vpc},
    "GetSecurityGroupsForVpc": {"VpcId": vpc},
}
paged = []
for operation in sorted(offered):
    method = next((m for m, o in ec2.meta.method_to_api_mapping.items() if o == operation), None)
    if method is None or not ec2.can_paginate(method):
        continue
    shape = ec2.meta.service_model.operation_model(operation).input_shape
    if any(name not in NEEDS.get(operation, {}) for name in shape.required_members):
        continue
    paginator = ec2.get_paginator(method)
    keys = [str(token) for token in paginator.result_keys]
    size = {"PageSize": 5} if paginator._limit_key else {}
    pages = list(paginator.paginate(PaginationConfig=size, **NEEDS.get(operation, {})))
    whole = getattr(ec2, method)(**NEEDS.get(operation, {}))
    for name in [k.split("'value': '")[-1].split("'")[0] for k in keys]:
        together = sum(len(page.get(name, [])) for page in pages)
        assert together == len(whole.get(name, [])), f"{operation}: {together} of {len(whole.get(name, []))} {name}"
    paged.append((operation, len(pages)))
assert dict(paged)["DescribeSecurityGroups"] > 2, paged

expect("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-00000000000000000"])
expect("DependencyViolation", ec2.delete_vpc, VpcId=vpc)
expect("DryRunOperation", ec2.create_vpc, CidrBlock="10.2.0.0/16", DryRun=True)

zone = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailabilityZone"]
volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FEW)
ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume], WaiterConfig=FEW)
expect("VolumeInUse", ec2.delete_volume, VolumeId=volume)
ec2.detach_volume(VolumeId=volume)
ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FEW)
ec2.delete_volume(VolumeId=volume)
ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig=FEW)

ec2.stop_instances(InstanceIds=[instance])
ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=FEW)
ec2.terminate_instances(InstanceIds=[instance])
ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=FEW)
ec2.delete_nat_gateway(NatGatewayId=nat)
if "nat_gateway_deleted" in ec2.waiter_names:
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat], WaiterConfig=FEW)
ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[peering], WaiterConfig=FEW)
ec2.release_address(AllocationId=address)
ec2.delete_network_interface(NetworkInterfaceId=eni)
ec2.delete_key_pair(KeyPairId=key)
ec2.delete_customer_gateway(CustomerGatewayId=customer)
for group in groups:
    ec2.delete_security_group(GroupId=group)

# The resources of boto3 are objects over the same calls.
resource = boto3.resource("ec2", endpoint_url=endpoint)
resource.Subnet(subnet).delete()
resource.InternetGateway(gateway).detach_from_vpc(VpcId=vpc)
resource.InternetGateway(gateway).delete()
for each in (vpc, other):
    resource.Vpc(each).delete()
print(json.dumps({"waited": waited, "paged": len(paged)}))
