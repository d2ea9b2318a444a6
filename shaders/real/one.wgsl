// What math is over: one lane.
alias Real = f32;
alias Bits = u32;
alias Bool = bool;
