//! Maxout pooling of adjacent channels.

use std::rc::Rc;

use super::{Baseline, Rings, Verify, Work, run_once};
use crate::{
    accuracy::Report,
    bench::{
        case::{CHANNELS, Case, PIECES},
        data::Data,
    },
    check::Pass,
    element::Element,
    error::Result,
    family::maxout::{
        Maxout, Winners, bound as maxout,
        reference::{Layout, Pooling as Groups},
    },
    kernel::recorder::Recorder,
    tensor::Tensor,
};

pub(super) struct Pooling {
    op: Maxout,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    rings: Rings,
    /// A quarter of the elements: y of a forward pass, the upstream gradients of a backward pass.
    pooled: Vec<Tensor>,
    winners: Winners,
}

impl Pooling {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        let op = Maxout::new(PIECES, Layout::Adjacent, -1);
        let pass = case.pass.unwrap_or(Pass::Forward);
        let rings = Rings::new(case, data)?;
        let shape = [data.len() / CHANNELS, CHANNELS / PIECES];
        let pooled = match pass {
            Pass::Forward => data.outputs(&shape)?,
            Pass::Backward => data.upstreams(&shape)?,
        };
        Ok(Self {
            op,
            pass,
            case: case.clone(),
            data: data.clone(),
            winners: op.forward(rings.x(0))?.1,
            rings,
            pooled,
        })
    }
}

impl Work for Pooling {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let pooled = &self.pooled[turn % self.pooled.len()];
        if self.pass == Pass::Forward {
            let winners = self
                .op
                .record_forward(recorder, self.rings.x(turn), pooled)?;
            recorder.done_with(winners.into_words());
            return Ok(());
        }
        let dx = self.rings.output(turn);
        self.op.record_backward(recorder, &self.winners, pooled, dx)
    }

    fn verify(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        let name = match self.pass {
            Pass::Forward => "streams",
            Pass::Backward => "copy",
        };
        Baseline::of(name, &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        // Three rings of which one is used in its quarter, or two.
        self.data.ring_bytes() / 4 * 5
    }
}

impl Verify for Pooling {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let groups = Groups {
            pieces: PIECES,
            layout: Layout::Adjacent,
            channels: CHANNELS,
            inner: 1,
        };
        let x = self.data.x::<T>();
        let places = 0..x.len() / PIECES;
        let winners = self.winners.download()?;
        if self.pass == Pass::Forward {
            let y = self.pooled[0].download::<T>()?;
            return Ok(maxout::pooling(groups, &x, (&y, &winners), places));
        }
        let upstream = self.pooled[0].download::<T>()?;
        let dx = self.rings.output(0).download::<T>()?;
        Ok(maxout::pooling_backward(
            groups, &winners, &upstream, &dx, places,
        ))
    }
}
