//! Maxout in f64: over groups of channels, and over affine maps.

use crate::family::Sum;

/// Which channels make up a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Group j holds channels j k to j k + k - 1, as in TensorFlow and Paddle.
    Adjacent,
    /// Group j of G holds channels j, j + G, j + 2 G and so on, as in TensorFlow Addons.
    Strided,
}

impl Layout {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Adjacent, Self::Strided];

    /// `adjacent` or `strided`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adjacent => "adjacent",
            Self::Strided => "strided",
        }
    }
}

/// The largest of `values` and its place: the first of equal ones, the first NaN before any number.
/// Of no values, -infinity at place 0.
///
/// ```
/// use wgpu_activations::family::maxout::reference::winner;
///
/// assert_eq!(winner([1.0, 3.0, 3.0]), (3.0, 1));
/// assert_eq!(winner([1.0, f64::NAN, 3.0]).1, 1);
/// assert_eq!(winner([]), (f64::NEG_INFINITY, 0));
/// ```
pub fn winner(values: impl IntoIterator<Item = f64>) -> (f64, u32) {
    let better = |best: (f64, u32), other: (f64, u32)| {
        let wins = other.0 > best.0 || (other.0.is_nan() && !best.0.is_nan());
        if wins { other } else { best }
    };
    let values = values.into_iter().zip(0..);
    values.reduce(better).unwrap_or((f64::NEG_INFINITY, 0))
}

/// Maxout over groups of channels of a tensor seen as [outer, channels, inner].
///
/// ```
/// use wgpu_activations::family::maxout::reference::{Layout, Pooling};
///
/// let pairs = Pooling { pieces: 2, layout: Layout::Adjacent, channels: 4, inner: 1 };
/// let (y, winners) = pairs.forward(&[1.0, 5.0, 3.0, 2.0]);
/// assert_eq!((y, &winners), (vec![5.0, 3.0], &vec![1, 0]));
/// assert_eq!(pairs.backward(&winners, &[0.5, 0.25]), [0.0, 0.5, 0.25, 0.0]);
/// // Piece 1 of element 0 of y.
/// assert_eq!(pairs.place(0, 1), 1);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Pooling {
    /// Channels of a group.
    pub pieces: usize,
    /// Which channels those are.
    pub layout: Layout,
    /// Channels of the tensor, a multiple of `pieces`.
    pub channels: usize,
    /// Elements from one channel to the next.
    pub inner: usize,
}

impl Pooling {
    /// y [outer, channels / pieces, inner] and the piece that won each.
    pub fn forward(&self, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
        let pieces = |y| (0..self.pieces).map(move |piece| x[self.place(y, piece)]);
        (0..x.len() / self.pieces)
            .map(|y| winner(pieces(y)))
            .unzip()
    }

    /// dx: upstream at the piece that won, 0 at the others.
    pub fn backward(&self, winners: &[u32], upstream: &[f64]) -> Vec<f64> {
        let mut dx = vec![0.0; upstream.len() * self.pieces];
        for (y, (&winner, &upstream)) in winners.iter().zip(upstream).enumerate() {
            dx[self.place(y, winner as usize)] = upstream;
        }
        dx
    }

    /// Where in x a piece of element `y` lies.
    pub fn place(&self, y: usize, piece: usize) -> usize {
        let groups = self.channels / self.pieces;
        let (outer, group) = (y / self.inner / groups, y / self.inner % groups);
        let channel = match self.layout {
            Layout::Adjacent => group * self.pieces + piece,
            Layout::Strided => piece * groups + group,
        };
        (outer * self.channels + channel) * self.inner + y % self.inner
    }
}

/// Maxout over affine maps, y[n, m] = max over i of (sum over d of x[n, d] W[i, d, m] + b[i, m]), of
/// Goodfellow et al., "Maxout Networks" (2013).
///
/// ```
/// use wgpu_activations::family::maxout::reference::Affine;
///
/// // The larger of x and -x.
/// let magnitude =
///     Affine { weight: &[1.0, -1.0], bias: &[0.0, 0.0], pieces: 2, inputs: 1, outputs: 1 };
/// let (y, winners) = magnitude.forward(&[2.0, -3.0], 2);
/// assert_eq!((y, &winners), (vec![2.0, 3.0], &vec![0, 1]));
/// let gradients = magnitude.backward(&[2.0, -3.0], &winners, &[1.0, 1.0], 2);
/// assert_eq!((gradients.dx[0].value, gradients.dx[1].value), (1.0, -1.0));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a, W = f64> {
    /// W: [pieces, inputs, outputs].
    pub weight: &'a [W],
    /// b: [pieces, outputs]; empty for zeros.
    pub bias: &'a [W],
    /// Number of affine maps.
    pub pieces: usize,
    /// Length of x's last axis.
    pub inputs: usize,
    /// Length of y's last axis.
    pub outputs: usize,
}

/// The gradients of [`Affine`].
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// With respect to x: [rows, inputs].
    pub dx: Vec<Sum>,
    /// With respect to W: [pieces, inputs, outputs].
    pub weight: Vec<Sum>,
    /// With respect to b: [pieces, outputs].
    pub bias: Vec<Sum>,
}

impl<W: Copy + Into<f64>> Affine<'_, W> {
    /// Where weight W[piece, input, output] lies.
    pub fn place(&self, piece: usize, input: usize, output: usize) -> usize {
        (piece * self.inputs + input) * self.outputs + output
    }

    /// What a piece gives for a row of x.
    pub fn sum(&self, row: &[f64], piece: usize, output: usize) -> Sum {
        let mut sum = Sum::default();
        for (input, x) in row.iter().enumerate() {
            sum.add(x * self.weight[self.place(piece, input, output)].into());
        }
        if let Some(&bias) = self.bias.get(piece * self.outputs + output) {
            sum.add(bias.into());
        }
        sum
    }

    /// y [rows, outputs] and the piece that won each.
    pub fn forward(&self, x: &[f64], rows: usize) -> (Vec<f64>, Vec<u32>) {
        let places = 0..rows * self.outputs;
        let best = places.map(|place| {
            let (row, output) = (place / self.outputs, place % self.outputs);
            let row = &x[row * self.inputs..][..self.inputs];
            winner((0..self.pieces).map(|piece| self.sum(row, piece, output).value))
        });
        best.unzip()
    }

    /// The gradients, upstream [rows, outputs] going to the pieces that won.
    pub fn backward(&self, x: &[f64], winners: &[u32], upstream: &[f64], rows: usize) -> Gradients {
        let zeros = |len: usize| vec![Sum::default(); len];
        let mut dx = zeros(rows * self.inputs);
        let mut weight = zeros(self.pieces * self.inputs * self.outputs);
        let mut bias = zeros(self.pieces * self.outputs);
        for row in 0..rows {
            for output in 0..self.outputs {
                let g = upstream[row * self.outputs + output];
                let piece = winners[row * self.outputs + output] as usize;
                bias[piece * self.outputs + output].add(g);
                for input in 0..self.inputs {
                    let place = self.place(piece, input, output);
                    dx[row * self.inputs + input].add(g * self.weight[place].into());
                    weight[place].add(g * x[row * self.inputs + input]);
                }
            }
        }
        Gradients { dx, weight, bias }
    }
}
