DROP TABLE platform.jobs;
DROP TABLE platform.events;
