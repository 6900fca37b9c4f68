#!/usr/bin/env bash
# Run by the image of PostgreSQL when its data folder is empty: the roles and the database.
set -euo pipefail

APP_PASSWORD=$(cat /run/secrets/app-password)
MIGRATOR_PASSWORD=$(cat /run/secrets/migrator-password)
export APP_PASSWORD MIGRATOR_PASSWORD
psql --no-psqlrc --username postgres --set database=shop --file /etc/postgresql/roles.sql postgres
