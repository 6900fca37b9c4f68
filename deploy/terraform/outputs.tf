output "address" {
  description = "Where to find the host: ssh deploy@ADDRESS"
  value       = digitalocean_reserved_ip.public.ip_address
}

output "public_url" {
  description = "PUBLIC_URL"
  value       = "https://${local.host}"
}

output "storage_url" {
  description = "STORAGE_URL"
  value       = "s3://${digitalocean_spaces_bucket.files.name}?region=${var.region}&endpoint=https://${var.region}.digitaloceanspaces.com"
}

output "backup_bucket" {
  description = "The bucket that backups go to, and the endpoint that it is reached at"
  value = {
    bucket   = digitalocean_spaces_bucket.backups.name
    endpoint = "https://${var.backup_region}.digitaloceanspaces.com"
    region   = var.backup_region
  }
}
