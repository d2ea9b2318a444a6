//! The order of an array's elements, and the way from one to the other.

/// Order of the elements in memory or in a file.
///
/// ```
/// use wgpu_activations::io::{Order, rearrange};
///
/// let columns = rearrange(vec![1, 2, 3, 4], &[2, 2], Order::C, Order::Fortran);
/// assert_eq!(columns, [1, 3, 2, 4]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The last index varies fastest.
    C,
    /// The first index varies fastest.
    Fortran,
}

/// The elements of an array of `shape`, taken from one order to another. See [`Order`].
///
/// `values` holds as many elements as the shape asks for.
pub fn rearrange<T: Copy>(values: Vec<T>, shape: &[usize], from: Order, to: Order) -> Vec<T> {
    match (from, to) {
        (Order::C, Order::Fortran) => reverse_axes(values, shape.to_vec()),
        (Order::Fortran, Order::C) => reverse_axes(values, shape.iter().copied().rev().collect()),
        (Order::C, Order::C) | (Order::Fortran, Order::Fortran) => values,
    }
}

/// Side of the tiles moved at a time: the lines of both sides of the copy stay in the cache, even
/// where rows lie a power of two apart.
const TILE: usize = 16;

/// The elements of an array whose dimensions run from slowest to fastest, with the axes reversed.
fn reverse_axes<T: Copy>(values: Vec<T>, mut dimensions: Vec<usize>) -> Vec<T> {
    // An axis of length 1 does not move anything.
    dimensions.retain(|&length| length != 1);
    let [rows, middle @ .., columns] = &dimensions[..] else {
        return values;
    };
    if values.is_empty() {
        return values;
    }
    let (rows, columns) = (*rows, *columns);
    // Steps of `rows` in the source and of `columns` in the result.
    let step = values.len() / rows;
    let result_step = values.len() / columns;

    let mut result = values.clone();
    // Places along the axes between, the last fastest.
    for place in 0..middle.iter().product() {
        let (mut rest, mut reversed) = (place, 0);
        for &length in middle.iter().rev() {
            reversed = reversed * length + rest % length;
            rest /= length;
        }
        let (base, result_base) = (place * columns, reversed * rows);

        for top in (0..rows).step_by(TILE) {
            for left in (0..columns).step_by(TILE) {
                for column in left..columns.min(left + TILE) {
                    for row in top..rows.min(top + TILE) {
                        result[result_base + column * result_step + row] =
                            values[base + row * step + column];
                    }
                }
            }
        }
    }
    result
}
