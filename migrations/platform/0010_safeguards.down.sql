DROP TABLE platform.safeguards;
