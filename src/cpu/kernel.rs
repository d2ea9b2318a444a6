//! Functions of a lane over slices: the loops that vectors are made of.

use std::marker::PhantomData;

use pulp::{Arch, NullaryFnOnce};

use super::lane::{Real, select};

/// Numbers that shape a function of one lane, at most.
pub(crate) const MOST: usize = 6;

/// The parameters of an activation for some elements; those that it does not take are whatever they are.
#[derive(Clone, Copy)]
pub(crate) enum Parameters<'a> {
    /// The same for all of them.
    One([f32; MOST]),
    /// For each its own.
    Each([&'a [f32]; MOST]),
}

/// What a kernel is given, all slices as long as the result.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) x: &'a [f32],
    /// Upstream gradients; anything in a forward pass.
    pub(crate) upstream: &'a [f32],
    pub(crate) parameters: Parameters<'a>,
}

/// A loop over slices.
pub(crate) type Kernel = fn(Given<'_>, &mut [f32]);

/// The same, perhaps with something of its own.
pub(crate) type Function = dyn Fn(Given<'_>, &mut [f32]) + Sync;

/// The twin of an activation's shader.
pub(crate) struct Twin {
    /// The shader's text.
    pub(crate) wgsl: &'static str,
    pub(crate) forward: Kernel,
    pub(crate) backward: Kernel,
    /// For each parameter the terms of its gradient.
    pub(crate) gradients: &'static [Kernel],
}

/// A function of one lane.
pub(crate) trait Lane {
    /// Its result. One that takes no upstream gradient or no parameters ignores them.
    fn at(x: Real, upstream: Real, parameters: [Real; MOST]) -> Real;
}

/// The loop over `L` in the vectors of the processor.
pub(crate) fn each<L: Lane>(given: Given<'_>, y: &mut [f32]) {
    struct Each<'a, L> {
        given: Given<'a>,
        y: &'a mut [f32],
        lane: PhantomData<L>,
    }
    impl<L: Lane> NullaryFnOnce for Each<'_, L> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Self { given, y, .. } = self;
            let (x, upstream) = (&given.x[..y.len()], &given.upstream[..y.len()]);
            match given.parameters {
                // A loop of its own, in which a factor of 1 costs nothing.
                Parameters::One([1.0, rest @ ..]) => one::<L>(x, upstream, first_is_one(rest), y),
                Parameters::One(parameters) => one::<L>(x, upstream, parameters, y),
                Parameters::Each([a, b, c, d, e, f]) => {
                    let (a, b) = (&a[..y.len()], &b[..y.len()]);
                    let (c, d) = (&c[..y.len()], &d[..y.len()]);
                    let (e, f) = (&e[..y.len()], &f[..y.len()]);
                    for i in 0..y.len() {
                        y[i] = L::at(x[i], upstream[i], [a[i], b[i], c[i], d[i], e[i], f[i]]);
                    }
                }
            }
        }
    }
    Arch::new().dispatch(Each::<L> {
        given,
        y,
        lane: PhantomData,
    });
}

#[inline(always)]
fn one<L: Lane>(x: &[f32], upstream: &[f32], parameters: [f32; MOST], y: &mut [f32]) {
    for ((y, &x), &g) in y.iter_mut().zip(x).zip(upstream) {
        *y = L::at(x, g, parameters);
    }
}

#[inline(always)]
fn first_is_one([b, c, d, e, f]: [f32; MOST - 1]) -> [f32; MOST] {
    [1.0, b, c, d, e, f]
}

/// `y`, or NaN where x is NaN.
#[inline(always)]
pub(crate) fn but_nan(y: Real, x: Real) -> Real {
    select(y, x, x.is_nan())
}

/// The loop over an expression in x, upstream and parameters.
macro_rules! lanes {
    (|$x:ident, $upstream:ident, [$($parameter:ident),*]| $value:expr) => {{
        struct Function;
        impl $crate::cpu::kernel::Lane for Function {
            #[inline(always)]
            fn at($x: f32, $upstream: f32, parameters: [f32; $crate::cpu::kernel::MOST]) -> f32 {
                let [$($parameter,)* ..] = parameters;
                $value
            }
        }
        $crate::cpu::kernel::each::<Function>
    }};
}
pub(crate) use lanes;

/// The twins of these activations, each with its parameters.
macro_rules! twins {
    ($($name:ident: [$($parameter:ident),*],)*) => {
        $(#[allow(clippy::approx_constant, clippy::excessive_precision)] mod $name;)*

        /// The twin of the activation with this shader, if it is of the catalogue; some bring the sine along.
        pub(crate) fn twin(wgsl: &str) -> Option<&'static $crate::cpu::kernel::Twin> {
            let sine = include_str!("../../../shaders/sine.wgsl");
            let wgsl = wgsl.strip_suffix(sine).unwrap_or(wgsl);
            TWINS.iter().find(|twin| twin.wgsl == wgsl)
        }

        const TWINS: &[$crate::cpu::kernel::Twin] = &[$($crate::cpu::kernel::Twin {
            wgsl: include_str!(concat!("../../../shaders/activation/", stringify!($name), ".wgsl")),
            forward: $crate::cpu::kernel::lanes!(|x, _upstream, [$($parameter),*]| {
                $crate::cpu::kernel::but_nan($name::value(x $(, $parameter)*), x)
            }),
            backward: $crate::cpu::kernel::lanes!(|x, upstream, [$($parameter),*]| {
                let dx = $name::backward(x, upstream $(, $parameter)*);
                $crate::cpu::kernel::but_nan($crate::cpu::kernel::but_nan(dx, upstream), x)
            }),
            gradients: $crate::cpu::kernel::twins!(@gradients $name [$($parameter),*] $($parameter)*),
        },)*];
    };
    (@gradients $name:ident [$parameter:ident] $only:ident) => {
        &[$crate::cpu::kernel::lanes!(|x, upstream, [$parameter]| {
            let term = $name::parameter_backward(x, upstream, $parameter);
            $crate::cpu::kernel::but_nan($crate::cpu::kernel::but_nan(term, upstream), x)
        })]
    };
    (@gradients $name:ident $all:tt $($parameter:ident)*) => {
        &[$($crate::cpu::kernel::twins!(@gradient $name $parameter $all)),*]
    };
    // One of several, which come as a struct.
    (@gradient $name:ident $member:ident [$($parameter:ident),*]) => {
        $crate::cpu::kernel::lanes!(|x, upstream, [$($parameter),*]| {
            let term = $name::parameter_backward(x, upstream $(, $parameter)*).$member;
            $crate::cpu::kernel::but_nan($crate::cpu::kernel::but_nan(term, upstream), x)
        })
    };
}
pub(crate) use twins;
