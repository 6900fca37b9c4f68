# Browsers send files straight to this bucket, with addresses that the server signs.
resource "digitalocean_spaces_bucket" "files" {
  name   = "${var.name}-files-${var.bucket_suffix}"
  region = var.region
  acl    = "private"

  cors_rule {
    allowed_origins = ["https://${local.host}"]
    allowed_methods = ["GET", "PUT", "POST"]
    allowed_headers = ["*"]
    max_age_seconds = 3600
  }

  lifecycle {
    prevent_destroy = true
  }
}

# In another region: what takes the shop's own away leaves this one. Versions, so that a key which leaks cannot erase the past
# before somebody notices. How long a backup is kept, the backup tool says; here is only what outlives its deletion.
resource "digitalocean_spaces_bucket" "backups" {
  name   = "${var.name}-backups-${var.bucket_suffix}"
  region = var.backup_region
  acl    = "private"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    id                                     = "deleted-versions"
    enabled                                = true
    abort_incomplete_multipart_upload_days = 7
    noncurrent_version_expiration {
      days = 30
    }
  }

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = var.backup_region != var.region
      error_message = "Backups belong in another region than the shop: set backup_region."
    }
  }
}
