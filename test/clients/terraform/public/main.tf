# A public VPC: a gateway, a route to it, a server with an Elastic IP.
resource "aws_vpc" "main" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = var.changed
  tags                 = { Name = "public" }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = "10.0.1.0/24"
  map_public_ip_on_launch = true
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "web" {
  name        = "web"
  description = "HTTP from everywhere"
  vpc_id      = aws_vpc.main.id
  ingress {
    from_port   = 80
    to_port     = var.changed ? 443 : 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.admin.id
  cidr_ipv4         = "198.51.100.0/24"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  description       = var.changed ? "from the office" : "from outside"
}

resource "aws_security_group" "admin" {
  name_prefix = "admin-"
  vpc_id      = aws_vpc.main.id
}

resource "aws_key_pair" "main" {
  key_name   = "main"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMGMMKSXmMnGTyrTvrKGY5DJkrtZpgvBDvzy1RWG7MxF somebody"
}

data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"]
  filter {
    name   = "name"
    values = ["debian-12-amd64-*"]
  }
}

resource "aws_instance" "web" {
  ami                    = data.aws_ami.debian.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.public.id
  key_name               = aws_key_pair.main.key_name
  placement_group        = aws_placement_group.apart.name
  iam_instance_profile   = var.changed ? "second" : "first"
  vpc_security_group_ids = var.changed ? [aws_security_group.web.id] : [aws_security_group.web.id, aws_security_group.admin.id]
  user_data              = "#!/bin/sh\necho hello\n"
  metadata_options {
    http_tokens = "required"
  }
  root_block_device {
    volume_size = var.changed ? 10 : 8
  }
  tags = { Name = "web" }
}

resource "aws_placement_group" "apart" {
  name     = "apart"
  strategy = "spread"
}

resource "aws_ebs_volume" "data" {
  availability_zone = aws_subnet.public.availability_zone
  size              = var.changed ? 20 : 10
  type              = "gp3"
  throughput        = var.changed ? 250 : 125
  tags              = { Name = "data" }
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.web.id
}

resource "aws_ec2_instance_metadata_defaults" "main" {
  http_tokens                 = "required"
  http_put_response_hop_limit = var.changed ? 3 : 2
}

resource "aws_eip" "web" {
  domain   = "vpc"
  instance = aws_instance.web.id
}

output "address" {
  value = aws_eip.web.public_ip
}
