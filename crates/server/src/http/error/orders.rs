//! What the use cases of `orders` refuse, as HTTP answers. Shared by the pages and the API.
