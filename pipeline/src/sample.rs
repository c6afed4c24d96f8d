//! Makes MovieLens-shaped data of any size.
