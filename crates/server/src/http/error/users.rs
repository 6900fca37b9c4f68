//! What the use cases of `users` refuse, as HTTP answers. Shared by the pages and the API.
