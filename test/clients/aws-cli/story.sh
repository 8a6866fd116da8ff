#!/bin/sh
# What people do with the AWS CLI around an internet gateway: make, wait, page, filter, take away. $AWS is the program,
# $ENDPOINT where Genkan is, $STORY a name of its own.
set -eu
aws() { "$AWS" --endpoint-url "$ENDPOINT" "$@"; }
ec2() { aws ec2 "$@"; }
text() { ec2 "$@" --output text; }
is() { [ "$1" = "$2" ] || { echo "$3: $1, not $2" >&2; exit 1; }; }

vpc=$(text create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId \
  --tag-specifications "ResourceType=vpc,Tags=[{Key=Name,Value=$STORY}]")
ec2 wait vpc-available --vpc-ids "$vpc"
is "$(text describe-vpcs --filters Name=tag:Name,Values="$STORY" --query 'Vpcs[].VpcId')" "$vpc" "the VPC by its tag"
subnet=$(text create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24 --query Subnet.SubnetId)
inner=$(text create-subnet --vpc-id "$vpc" --cidr-block 10.0.2.0/24 --query Subnet.SubnetId)
ec2 wait subnet-available --subnet-ids "$subnet" "$inner"
igw=$(text create-internet-gateway --query InternetGateway.InternetGatewayId)
ec2 attach-internet-gateway --internet-gateway-id "$igw" --vpc-id "$vpc"
table=$(text describe-route-tables --filters Name=vpc-id,Values="$vpc" --query 'RouteTables[0].RouteTableId')
is "$(text create-route --route-table-id "$table" --destination-cidr-block 0.0.0.0/0 --gateway-id "$igw" --query Return)" True "the route"
address=$(text allocate-address --domain vpc --query AllocationId)
nat=$(text create-nat-gateway --subnet-id "$subnet" --allocation-id "$address" --query NatGateway.NatGatewayId)
ec2 wait nat-gateway-available --nat-gateway-ids "$nat"

for number in 1 2 3 4 5 6 7; do
  group=$(text create-security-group --vpc-id "$vpc" --group-name "web$number" --description "number $number" --query GroupId)
done
ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 80 --cidr 0.0.0.0/0 >/dev/null
all=$(text describe-security-groups --filters Name=vpc-id,Values="$vpc" --query 'length(SecurityGroups)')
is "$all" 8 "all groups at once"
paged=$(ec2 describe-security-groups --filters Name=vpc-id,Values="$vpc" --page-size 5 --query 'SecurityGroups[].GroupId' --output text | wc -w)
is "$((paged))" 8 "all groups, five a page"
some=$(ec2 describe-security-groups --filters Name=vpc-id,Values="$vpc" --max-items 3 --query 'SecurityGroups[].GroupId' --output text | grep -o 'sg-[0-9a-f]*' | wc -l)
is "$((some))" 3 "three groups"

if ec2 delete-vpc --vpc-id "$vpc" 2>error.txt; then echo "a VPC in use was deleted" >&2; exit 1; fi
grep -q '(DependencyViolation)' error.txt || { cat error.txt >&2; exit 1; }
if ec2 create-vpc --cidr-block 10.9.0.0/16 --dry-run 2>error.txt; then echo "a dry run made a VPC" >&2; exit 1; fi
grep -q '(DryRunOperation)' error.txt || { cat error.txt >&2; exit 1; }

image=$(aws ssm get-parameter --name /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 --query Parameter.Value --output text)
instance=$(text run-instances --image-id "$image" --instance-type t3.micro --subnet-id "$subnet" --security-group-ids "$group" \
  --associate-public-ip-address --query 'Instances[0].InstanceId')
ec2 wait instance-running --instance-ids "$instance"
ec2 wait instance-status-ok --instance-ids "$instance"
is "$(text describe-instances --instance-ids "$instance" --query 'Reservations[0].Instances[0].State.Name')" running "the instance"
aws sts get-caller-identity --query Account --output text | grep -Eq '^[0-9]{12}$'
ec2 terminate-instances --instance-ids "$instance" >/dev/null
ec2 wait instance-terminated --instance-ids "$instance"

ec2 delete-nat-gateway --nat-gateway-id "$nat" >/dev/null
until [ "$(text describe-nat-gateways --nat-gateway-ids "$nat" --query 'NatGateways[0].State')" = deleted ]; do :; done
ec2 release-address --allocation-id "$address" >/dev/null
for group in $(text describe-security-groups --filters Name=vpc-id,Values="$vpc" --query "SecurityGroups[?GroupName!='default'].GroupId"); do
  ec2 delete-security-group --group-id "$group" >/dev/null
done
ec2 delete-subnet --subnet-id "$subnet" && ec2 delete-subnet --subnet-id "$inner"
ec2 detach-internet-gateway --internet-gateway-id "$igw" --vpc-id "$vpc"
ec2 delete-internet-gateway --internet-gateway-id "$igw"
ec2 delete-vpc --vpc-id "$vpc"
echo "the story ended"
