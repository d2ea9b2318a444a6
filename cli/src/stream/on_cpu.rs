//! The same by the f64 reference, in memory, where there is no device.

use std::time::Instant;

use super::{Content, Job, Result, Verify};
use wgpu_activations::{
    Element, ElementType, Math,
    accuracy::Report,
    io::npy::{self, Dtype, Endian, Float, Order, Values},
    offload::{Sink, Source, Summary},
};

use crate::job::{Input, Setting};

/// Operations over one array.
pub(super) struct Work<'a> {
    pub(super) jobs: &'a [Job],
    /// Of x.
    pub(super) shape: Vec<usize>,
    /// Of all arrays.
    pub(super) order: Order,
    pub(super) math: Math,
    pub(super) verify: Verify,
}

/// What the last operation gives beside the output, and how the results compare.
type Found = (Vec<(&'static str, Content)>, Option<Report>);

/// The same, and how long it took.
pub(super) struct OnCpu {
    pub(super) extras: Vec<(&'static str, Content)>,
    pub(super) report: Option<Report>,
    pub(super) summary: Summary,
}

/// An element type whose arrays can be rearranged.
trait Arranged: Element {
    fn wrap(values: Vec<Self>) -> Option<Values>;
    fn unwrap(values: Values) -> Vec<Self>;
}

impl Arranged for f32 {
    fn wrap(values: Vec<Self>) -> Option<Values> {
        Some(Values::F32(values))
    }
    fn unwrap(values: Values) -> Vec<Self> {
        match values {
            Values::F32(values) => values,
            Values::F16(_) => Vec::new(),
        }
    }
}

impl Arranged for half::f16 {
    fn wrap(values: Vec<Self>) -> Option<Values> {
        Some(Values::F16(values))
    }
    fn unwrap(values: Values) -> Vec<Self> {
        match values {
            Values::F16(values) => values,
            Values::F32(_) => Vec::new(),
        }
    }
}

/// No format that has it knows another order.
impl Arranged for half::bf16 {
    fn wrap(_: Vec<Self>) -> Option<Values> {
        None
    }
    fn unwrap(_: Values) -> Vec<Self> {
        Vec::new()
    }
}

impl Work<'_> {
    /// From x, and for a gradient upstream, to y or dx.
    pub(super) fn run(
        self,
        element: ElementType,
        sources: (&dyn Source, Option<&dyn Source>),
        sink: &dyn Sink,
    ) -> Result<OnCpu> {
        let start = Instant::now();
        let (extras, report) = match element {
            ElementType::F32 => self.run_as::<f32>(sources, sink),
            ElementType::F16 => self.run_as::<half::f16>(sources, sink),
            ElementType::Bf16 => self.run_as::<half::bf16>(sources, sink),
        }?;
        Ok(OnCpu {
            extras,
            report,
            summary: Summary {
                total: start.elapsed(),
                ..Summary::default()
            },
        })
    }

    fn run_as<T: Arranged>(
        self,
        (x, upstream): (&dyn Source, Option<&dyn Source>),
        sink: &dyn Sink,
    ) -> Result<Found> {
        let Self {
            jobs,
            mut shape,
            order,
            math,
            verify,
        } = self;
        let read = |source: &dyn Source, shape: &[usize]| {
            let values = super::input::gather(source, shape.iter().product())?;
            arrange::<T>(values, shape, order, Order::C)
        };
        let mut values = read(x, &shape)?;
        let setting = Setting { math, verify };
        let mut found: Found = (Vec::new(), None);
        for job in jobs {
            let result = job.output_shape(&shape)?;
            let upstream = upstream
                .map(|upstream| read(upstream, &result))
                .transpose()?;
            let input = Input {
                shape: &shape,
                x: &values,
                upstream: upstream.as_deref(),
            };
            let outcome = job.run(&setting, input)?;
            let report = match (found.1, outcome.report) {
                (Some(before), Some(report)) => Some(before.merge(report)),
                (before, report) => before.or(report),
            };
            found = (outcome.extras, report);
            values = outcome.values;
            if upstream.is_none() {
                // dx is like x.
                shape = result;
            }
        }
        let values = arrange(values, &shape, Order::C, order)?;
        sink.write(0, bytemuck::cast_slice(&values))?;
        Ok(found)
    }
}

fn arrange<T: Arranged>(values: Vec<T>, shape: &[usize], from: Order, to: Order) -> Result<Vec<T>> {
    if from == to {
        return Ok(values);
    }
    let Some(values) = T::wrap(values) else {
        return Ok(Vec::new());
    };
    let array = npy::Array {
        shape: shape.to_vec(),
        order: from,
        dtype: Dtype {
            float: Float::F32,
            endian: Endian::NATIVE,
        },
        values,
    };
    Ok(T::unwrap(array.to_order(to)?.values))
}
