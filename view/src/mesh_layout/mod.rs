//! Where the points and the faces of a mesh are in its arrays. Everything that looks at a mesh finds them here, so that
//! all of it takes the same arrays for the same faces.

mod faces;
mod numbers;
mod points;

pub(crate) use self::faces::{Division, FacesLayout, IndexArray, MAX_CORNERS};
pub(crate) use self::points::PointsLayout;
