//! Maxout in f64: over groups of channels, and over affine maps.

/// Which channels make up a group.
///
/// ```
/// use wgpu_activations::family::maxout::reference::{Layout, Pooling};
///
/// // Channels 0 and 1, 2 and 3; or 0 and 2, 1 and 3.
/// let pairs = |layout| Pooling { pieces: 2, layout, channels: 4, inner: 1 };
/// let x = [1.0, 5.0, 3.0, 2.0];
/// assert_eq!(pairs(Layout::Adjacent).forward(&x).0, [5.0, 3.0]);
/// assert_eq!(pairs(Layout::Strided).forward(&x).0, [3.0, 5.0]);
/// ```
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
    let mut best = None;
    for (place, value) in (0..).zip(values) {
        best = match best {
            None => Some((value, place)),
            Some((most, _)) if value > most || (value.is_nan() && !f64::is_nan(most)) => {
                Some((value, place))
            }
            kept => kept,
        };
    }
    best.unwrap_or((f64::NEG_INFINITY, 0))
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
        let (outer, group, inner) = (
            y / self.inner / groups,
            y / self.inner % groups,
            y % self.inner,
        );
        let channel = match self.layout {
            Layout::Adjacent => group * self.pieces + piece,
            Layout::Strided => piece * groups + group,
        };
        (outer * self.channels + channel) * self.inner + inner
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
/// assert_eq!(gradients.dx.values, [1.0, -1.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// W: [pieces, inputs, outputs].
    pub weight: &'a [f64],
    /// b: [pieces, outputs].
    pub bias: &'a [f64],
    /// Number of affine maps.
    pub pieces: usize,
    /// Length of x's last axis.
    pub inputs: usize,
    /// Length of y's last axis.
    pub outputs: usize,
}

/// Sums, each with the sum of its terms' magnitudes, by which their rounding is measured.
///
/// ```
/// use wgpu_activations::family::maxout::reference::{Affine, Sums};
///
/// let map = Affine { weight: &[1.0, 1.0], bias: &[0.5], pieces: 1, inputs: 2, outputs: 1 };
/// let Sums { values, magnitudes } = map.pieces(&[2.0, -3.0], 1);
/// assert_eq!((values, magnitudes), (vec![-0.5], vec![5.5]));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sums {
    /// The sums.
    pub values: Vec<f64>,
    /// The sums of magnitudes.
    pub magnitudes: Vec<f64>,
}

/// The gradients of [`Affine`].
///
/// ```
/// use wgpu_activations::family::maxout::reference::{Affine, Gradients};
///
/// let map = Affine { weight: &[1.0, 2.0], bias: &[0.0], pieces: 1, inputs: 2, outputs: 1 };
/// let Gradients { dx, weight, bias } = map.backward(&[3.0, 4.0], &[0], &[0.5], 1);
/// assert_eq!((dx.values, weight.values), (vec![0.5, 1.0], vec![1.5, 2.0]));
/// assert_eq!(bias.values, [0.5]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// With respect to x: [rows, inputs].
    pub dx: Sums,
    /// With respect to W: [pieces, inputs, outputs].
    pub weight: Sums,
    /// With respect to b: [pieces, outputs].
    pub bias: Sums,
}

impl Sums {
    fn zeros(len: usize) -> Self {
        Self {
            values: vec![0.0; len],
            magnitudes: vec![0.0; len],
        }
    }

    fn add(&mut self, place: usize, term: f64) {
        self.values[place] += term;
        self.magnitudes[place] += term.abs();
    }
}

impl Affine<'_> {
    /// What each piece gives: [rows, outputs, pieces].
    pub fn pieces(&self, x: &[f64], rows: usize) -> Sums {
        let mut sums = Sums::zeros(rows * self.outputs * self.pieces);
        for row in 0..rows {
            for piece in 0..self.pieces {
                for d in 0..self.inputs {
                    for m in 0..self.outputs {
                        let weight = self.weight[(piece * self.inputs + d) * self.outputs + m];
                        let place = (row * self.outputs + m) * self.pieces + piece;
                        sums.add(place, x[row * self.inputs + d] * weight);
                    }
                }
                for m in 0..self.outputs {
                    let place = (row * self.outputs + m) * self.pieces + piece;
                    sums.add(place, self.bias[piece * self.outputs + m]);
                }
            }
        }
        sums
    }

    /// y [rows, outputs] and the piece that won each.
    pub fn forward(&self, x: &[f64], rows: usize) -> (Vec<f64>, Vec<u32>) {
        let pieces = self.pieces(x, rows).values;
        let each = pieces.chunks_exact(self.pieces);
        each.map(|values| winner(values.iter().copied())).unzip()
    }

    /// The gradients, upstream [rows, outputs] going to the pieces that won.
    pub fn backward(&self, x: &[f64], winners: &[u32], upstream: &[f64], rows: usize) -> Gradients {
        let mut dx = Sums::zeros(rows * self.inputs);
        let mut weight = Sums::zeros(self.pieces * self.inputs * self.outputs);
        let mut bias = Sums::zeros(self.pieces * self.outputs);
        for row in 0..rows {
            for m in 0..self.outputs {
                let g = upstream[row * self.outputs + m];
                let piece = winners[row * self.outputs + m] as usize;
                bias.add(piece * self.outputs + m, g);
                for d in 0..self.inputs {
                    let place = (piece * self.inputs + d) * self.outputs + m;
                    dx.add(row * self.inputs + d, g * self.weight[place]);
                    weight.add(place, g * x[row * self.inputs + d]);
                }
            }
        }
        Gradients { dx, weight, bias }
    }
}
