terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "endpoint" {
  type = string
}

# Changes what each configuration changes in place.
variable "changed" {
  type    = bool
  default = false
}

provider "aws" {
  region = "us-east-1"
  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
    ssm = var.endpoint
  }
  default_tags {
    tags = {
      Stage = var.changed ? "second" : "first"
    }
  }
}
