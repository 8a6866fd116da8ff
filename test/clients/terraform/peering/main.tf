# Two VPCs with a peering connection; in one of them what comes in through the gateway meets an appliance first.
resource "aws_vpc" "left" {
  cidr_block = "10.4.0.0/16"
}

resource "aws_vpc" "right" {
  cidr_block = "10.5.0.0/16"
}

resource "aws_vpc_peering_connection" "main" {
  vpc_id      = aws_vpc.left.id
  peer_vpc_id = aws_vpc.right.id
  auto_accept = true
  tags        = { Side = var.changed ? "both" : "left" }
}

resource "aws_vpc_peering_connection_options" "main" {
  vpc_peering_connection_id = aws_vpc_peering_connection.main.id
  requester {
    allow_remote_vpc_dns_resolution = var.changed
  }
}

resource "aws_ec2_managed_prefix_list" "right" {
  name           = "right"
  address_family = "IPv4"
  max_entries    = 4
  entry {
    cidr        = aws_vpc.right.cidr_block
    description = "all of it"
  }
  dynamic "entry" {
    for_each = var.changed ? ["192.0.2.0/24"] : []
    content {
      cidr = entry.value
    }
  }
}

resource "aws_internet_gateway" "left" {
  vpc_id = aws_vpc.left.id
}

resource "aws_subnet" "appliance" {
  vpc_id     = aws_vpc.left.id
  cidr_block = "10.4.0.0/24"
}

resource "aws_subnet" "servers" {
  vpc_id     = aws_vpc.left.id
  cidr_block = "10.4.1.0/24"
}

resource "aws_network_interface" "appliance" {
  subnet_id         = aws_subnet.appliance.id
  source_dest_check = false
}

resource "aws_route_table" "gateway" {
  vpc_id = aws_vpc.left.id
  route {
    cidr_block           = aws_subnet.servers.cidr_block
    network_interface_id = aws_network_interface.appliance.id
  }
}

resource "aws_route_table_association" "gateway" {
  gateway_id     = aws_internet_gateway.left.id
  route_table_id = aws_route_table.gateway.id
}

resource "aws_route_table" "appliance" {
  vpc_id = aws_vpc.left.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.left.id
  }
}

resource "aws_route_table_association" "appliance" {
  subnet_id      = aws_subnet.appliance.id
  route_table_id = aws_route_table.appliance.id
}

resource "aws_route_table" "servers" {
  vpc_id = aws_vpc.left.id
  route {
    cidr_block           = "0.0.0.0/0"
    network_interface_id = aws_network_interface.appliance.id
  }
  route {
    destination_prefix_list_id = aws_ec2_managed_prefix_list.right.id
    vpc_peering_connection_id  = aws_vpc_peering_connection.main.id
  }
}

resource "aws_route_table_association" "servers" {
  subnet_id      = aws_subnet.servers.id
  route_table_id = aws_route_table.servers.id
}

resource "aws_route_table" "right" {
  vpc_id = aws_vpc.right.id
  route {
    cidr_block                = aws_vpc.left.cidr_block
    vpc_peering_connection_id = aws_vpc_peering_connection.main.id
  }
}

resource "aws_security_group" "right" {
  name   = "right"
  vpc_id = aws_vpc.right.id
}

resource "aws_vpc_security_group_ingress_rule" "right" {
  security_group_id = aws_security_group.right.id
  prefix_list_id    = aws_ec2_managed_prefix_list.right.id
  ip_protocol       = "-1"
}
