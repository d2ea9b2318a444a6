//! The f64 definitions of the families whose results depend on more than one element. No GPU in
//! here.

pub mod alpha_dropout;
pub mod dice;
pub mod maxout;
pub mod moments;
pub mod random;
pub mod softmax;
