variable "name" {
  description = "What host, volume, firewall and buckets are called."
  type        = string
  default     = "mainstay"
}

variable "domain" {
  description = "A domain whose zone this provider serves."
  type        = string
}

variable "subdomain" {
  description = "Where the shop is below the domain; empty for the domain itself."
  type        = string
  default     = ""
}

variable "region" {
  description = "Where host, volume and files are."
  type        = string
  default     = "fra1"
}

variable "backup_region" {
  description = "Where backups are: not where the shop is."
  type        = string
  default     = "ams3"
}

variable "size" {
  description = "Two cores and 4 GB, for which compose.yaml shares out the memory."
  type        = string
  default     = "s-2vcpu-4gb"
}

variable "volume_gb" {
  description = "The volume can grow and not shrink."
  type        = number
  default     = 50
}

variable "bucket_suffix" {
  description = "Names of buckets are shared by all customers of the provider: a few letters of your own."
  type        = string
}

variable "ssh_key_names" {
  description = "Keys that are registered with the provider already, by name."
  type        = list(string)
}

variable "ssh_from" {
  description = "Who may reach SSH, as networks. The workflow of releases comes from anywhere unless it has a runner of its own."
  type        = list(string)
}
