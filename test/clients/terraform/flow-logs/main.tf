# Flow logs of a VPC to a bucket, of a subnet to a log group, of an interface to a delivery stream.
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "main" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_network_interface" "main" {
  subnet_id = aws_subnet.main.id
}

resource "aws_flow_log" "bucket" {
  vpc_id                   = aws_vpc.main.id
  traffic_type             = "ALL"
  log_destination_type     = "s3"
  log_destination          = "arn:aws:s3:::flow-logs/team/"
  log_format               = "$${version} $${flow-direction} $${pkt-srcaddr} $${pkt-dstaddr} $${action} $${reject-reason}"
  max_aggregation_interval = 60
  destination_options {
    hive_compatible_partitions = true
    per_hour_partition         = true
  }
}

resource "aws_flow_log" "group" {
  subnet_id       = aws_subnet.main.id
  traffic_type    = "REJECT"
  log_destination = "arn:aws:logs:us-east-1:123456789012:log-group:/vpc/flow-logs"
  iam_role_arn    = "arn:aws:iam::123456789012:role/flow-logs"
  tags            = { Name = var.changed ? "group" : "log group" }
}

resource "aws_flow_log" "stream" {
  eni_id               = aws_network_interface.main.id
  traffic_type         = "ACCEPT"
  log_destination_type = "kinesis-data-firehose"
  log_destination      = "arn:aws:firehose:us-east-1:123456789012:deliverystream/flow-logs"
}
