//! The same by the f64 reference, in memory, where there is no device.

use super::{Content, Device, Job, Result, Verify};
use crate::{
    accuracy::Report,
    cli::job::{Input, Setting},
    element::{Element, ElementType},
    io::npy::{self, Dtype, Endian, Float, Order, Values},
    offload::{Sink, Source},
    wgsl::Math,
};

/// Operations over one array.
pub(super) struct Work<'a> {
    pub(super) jobs: &'a [Job],
    pub(super) shape: Vec<usize>,
    pub(super) order: Order,
    pub(super) math: Math,
    pub(super) verify: Verify,
}

/// What the last operation gives beside the output, and how the results compare.
type Found = (Vec<(&'static str, Content)>, Option<Report>);

impl Work<'_> {
    pub(super) fn run(
        self,
        element: ElementType,
        source: &dyn Source,
        sink: &dyn Sink,
    ) -> Result<Found> {
        match element {
            ElementType::F32 => {
                self.run_as::<f32>(source, sink, Values::F32, |values| match values {
                    Values::F32(values) => values,
                    Values::F16(_) => Vec::new(),
                })
            }
            ElementType::F16 => {
                self.run_as::<half::f16>(source, sink, Values::F16, |values| match values {
                    Values::F16(values) => values,
                    Values::F32(_) => Vec::new(),
                })
            }
            // Never in Fortran order.
            ElementType::Bf16 => {
                self.run_as::<half::bf16>(source, sink, |_| Values::F32(Vec::new()), |_| Vec::new())
            }
        }
    }

    fn run_as<T: Element>(
        self,
        source: &dyn Source,
        sink: &dyn Sink,
        wrap: impl Fn(Vec<T>) -> Values,
        unwrap: impl Fn(Values) -> Vec<T>,
    ) -> Result<Found> {
        let Self {
            jobs,
            mut shape,
            order,
            math,
            verify,
        } = self;
        let mut values: Vec<T> = super::input::gather(source, shape.iter().product())?;
        let arrange = |values: Vec<T>, shape: &[usize], from: Order, to: Order| -> Result<Vec<T>> {
            if from == to {
                return Ok(values);
            }
            let array = npy::Array {
                shape: shape.to_vec(),
                order: from,
                dtype: Dtype {
                    float: Float::F32,
                    endian: Endian::NATIVE,
                },
                values: wrap(values),
            };
            Ok(unwrap(array.to_order(to)?.values))
        };
        values = arrange(values, &shape, order, Order::C)?;
        let setting = Setting {
            device: Device::Cpu,
            math,
            verify,
        };
        let mut found: Found = (Vec::new(), None);
        for job in jobs {
            let input = Input {
                shape: &shape,
                order: Order::C,
                x: &values,
                upstream: None,
            };
            let outcome = job.run(&setting, input)?;
            let report = match (found.1, outcome.report) {
                (Some(before), Some(report)) => Some(before.merge(report)),
                (before, report) => before.or(report),
            };
            found = (outcome.extras, report);
            values = outcome.values;
            shape = job.output_shape(&shape)?;
        }
        values = arrange(values, &shape, Order::C, order)?;
        sink.write(0, bytemuck::cast_slice(&values))?;
        Ok(found)
    }
}
