--- refused: a policy
CREATE POLICY own ON orders.orders USING (user_id = current_setting('app.user_id')::uuid);

--- accepted
ALTER TABLE orders.orders ADD COLUMN tenant_id uuid;
