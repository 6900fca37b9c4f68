//! What the use cases of `billing` refuse, as HTTP answers. Shared by the pages and the API.
