# One VPS with everything that must outlive it beside it: the volume with the database, the address, and two buckets, of which
# that of the backups lies in another region. Keys come from the environment (README.md): none of them stands in the state.

terraform {
  required_version = ">= 1.6"
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = "~> 2.60"
    }
  }
}

# DIGITALOCEAN_TOKEN, SPACES_ACCESS_KEY_ID and SPACES_SECRET_ACCESS_KEY.
provider "digitalocean" {}

locals {
  host = var.subdomain == "" ? var.domain : "${var.subdomain}.${var.domain}"
}

data "digitalocean_ssh_key" "operator" {
  for_each = toset(var.ssh_key_names)
  name     = each.value
}

resource "digitalocean_droplet" "host" {
  name          = var.name
  region        = var.region
  size          = var.size
  image         = "debian-12-x64"
  ipv6          = true
  monitoring    = true
  droplet_agent = false
  ssh_keys      = [for key in data.digitalocean_ssh_key.operator : key.id]
  user_data     = templatefile("${path.module}/cloud-init.yaml", { name = var.name })

  lifecycle {
    # A newer image or another line of cloud-init is no reason to replace the host under a running shop.
    ignore_changes = [image, user_data, ssh_keys]
  }
}

# The database, the queue of the archive and the certificates. Detached from a lost host, attached to the next one.
resource "digitalocean_volume" "data" {
  name                     = "${var.name}-data"
  region                   = var.region
  size                     = var.volume_gb
  initial_filesystem_type  = "ext4"
  initial_filesystem_label = "data"

  lifecycle {
    prevent_destroy = true
  }
}

resource "digitalocean_volume_attachment" "data" {
  droplet_id = digitalocean_droplet.host.id
  volume_id  = digitalocean_volume.data.id
}

# Names lead to this address, whichever host has it: a new host needs no new DNS.
resource "digitalocean_reserved_ip" "public" {
  region = var.region
}

resource "digitalocean_reserved_ip_assignment" "public" {
  ip_address = digitalocean_reserved_ip.public.ip_address
  droplet_id = digitalocean_droplet.host.id
}
