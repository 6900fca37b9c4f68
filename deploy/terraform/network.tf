# What is not named here does not get in: neither PostgreSQL nor Redis nor metrics.
resource "digitalocean_firewall" "host" {
  name        = var.name
  droplet_ids = [digitalocean_droplet.host.id]

  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = var.ssh_from
  }

  dynamic "inbound_rule" {
    # The last one is HTTP/3.
    for_each = ["80/tcp", "443/tcp", "443/udp"]
    content {
      port_range       = split("/", inbound_rule.value)[0]
      protocol         = split("/", inbound_rule.value)[1]
      source_addresses = ["0.0.0.0/0", "::/0"]
    }
  }

  # Mail, the payment provider, customers' endpoints, buckets, packages, names and time.
  dynamic "outbound_rule" {
    for_each = ["53/tcp", "53/udp", "80/tcp", "123/udp", "443/tcp", "465/tcp", "587/tcp"]
    content {
      port_range            = split("/", outbound_rule.value)[0]
      protocol              = split("/", outbound_rule.value)[1]
      destination_addresses = ["0.0.0.0/0", "::/0"]
    }
  }
}

# The zone is there already: whoever registered the domain has pointed it to this provider's name servers.
data "digitalocean_domain" "zone" {
  name = var.domain
}

resource "digitalocean_record" "host" {
  domain = data.digitalocean_domain.zone.id
  type   = "A"
  name   = var.subdomain == "" ? "@" : var.subdomain
  value  = digitalocean_reserved_ip.public.ip_address
  ttl    = 300
}

# Which authorities may issue a certificate: those that Caddy asks.
resource "digitalocean_record" "authorities" {
  for_each = toset(["letsencrypt.org.", "sectigo.com."])
  domain   = data.digitalocean_domain.zone.id
  type     = "CAA"
  name     = var.subdomain == "" ? "@" : var.subdomain
  flags    = 0
  tag      = "issue"
  value    = each.value
  ttl      = 3600
}
