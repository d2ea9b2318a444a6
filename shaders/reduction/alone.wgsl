// The reduction and nothing else.
fn visit(vector: u32, a: Item, known: Context) {}
fn visit_first(vector: u32, a: Item, known: Context, count: u32) {}
