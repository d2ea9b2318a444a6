//! The families of operations.

pub mod alpha_dropout;
pub mod dice;
pub mod maxout;
pub mod pointwise;
pub mod softmax;
