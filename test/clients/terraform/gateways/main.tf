# Gateways of other kinds, endpoints, DHCP options, and groups over several VPCs.

data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.40.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Stage = var.changed ? "two" : "one" }
}

resource "aws_vpc" "other" {
  cidr_block = "10.41.0.0/16"
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name          = "corp.example"
  domain_name_servers  = ["10.40.0.53", "AmazonProvidedDNS"]
  ntp_servers          = ["169.254.169.123"]
  netbios_name_servers = ["10.40.0.54"]
  netbios_node_type    = 2
  tags                 = { Stage = var.changed ? "two" : "one" }
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.main.id
}

resource "aws_vpn_gateway" "main" {
  amazon_side_asn = 64620
  tags            = { Stage = var.changed ? "two" : "one" }
}

resource "aws_vpn_gateway_attachment" "main" {
  vpc_id         = aws_vpc.main.id
  vpn_gateway_id = aws_vpn_gateway.main.id
}

resource "aws_customer_gateway" "office" {
  bgp_asn     = 65010
  ip_address  = "198.51.100.77"
  type        = "ipsec.1"
  device_name = "office"
  tags        = { Stage = var.changed ? "two" : "one" }
}

resource "aws_ec2_carrier_gateway" "main" {
  vpc_id = aws_vpc.other.id
  tags   = { Stage = var.changed ? "two" : "one" }
}

resource "aws_route_table" "carrier" {
  vpc_id = aws_vpc.other.id
  route {
    cidr_block         = "0.0.0.0/0"
    carrier_gateway_id = aws_ec2_carrier_gateway.main.id
  }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "office" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "192.168.0.0/16"
  gateway_id             = aws_vpn_gateway.main.id
  depends_on             = [aws_vpn_gateway_attachment.main]
}

resource "aws_vpn_gateway_route_propagation" "private" {
  route_table_id = aws_route_table.private.id
  vpn_gateway_id = aws_vpn_gateway_attachment.main.vpn_gateway_id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id       = aws_vpc.main.id
  service_name = data.aws_vpc_endpoint_service.s3.service_name
  policy = var.changed ? jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = "*" }]
  }) : null
  tags = { Stage = var.changed ? "two" : "one" }
}

resource "aws_vpc_endpoint_route_table_association" "s3" {
  vpc_endpoint_id = aws_vpc_endpoint.s3.id
  route_table_id  = aws_route_table.private.id
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id          = aws_vpc.main.id
  service_name    = "com.amazonaws.us-east-1.dynamodb"
  route_table_ids = var.changed ? [aws_vpc.main.main_route_table_id] : []
}

resource "aws_eip" "mail" {
  tags = { Stage = var.changed ? "two" : "one" }
}

resource "aws_eip_domain_name" "mail" {
  allocation_id = aws_eip.mail.allocation_id
  domain_name   = "mail.example.com"
}

resource "aws_security_group" "shared" {
  vpc_id      = aws_vpc.main.id
  name        = "shared"
  description = "of two VPCs"
  egress {
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    prefix_list_ids = [aws_vpc_endpoint.s3.prefix_list_id]
  }
}

resource "aws_vpc_security_group_vpc_association" "other" {
  security_group_id = aws_security_group.shared.id
  vpc_id            = aws_vpc.other.id
}

resource "aws_vpc_peering_connection" "both" {
  vpc_id      = aws_vpc.main.id
  peer_vpc_id = aws_vpc.other.id
  auto_accept = true
}

resource "aws_security_group" "far" {
  vpc_id      = aws_vpc.other.id
  name        = "far"
  description = "lets the group of a peer in"
}

resource "aws_vpc_security_group_ingress_rule" "from_default" {
  security_group_id            = aws_security_group.far.id
  referenced_security_group_id = aws_vpc.main.default_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 80
  to_port                      = 80
  description                  = var.changed ? "web" : "http"
  depends_on                   = [aws_vpc_peering_connection.both]
}
