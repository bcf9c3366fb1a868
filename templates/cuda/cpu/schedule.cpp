// Which fiber runs next. A fiber runs until it waits, pauses or ends; nothing interrupts it.

namespace rnnc_cpu {

Run* run = nullptr;

// Random schedules: a ring of all fibers that can run, of which a random one is swapped to the head. The others go
// block by block, since the stacks of one block fit the cache: a queue of blocks, each with a queue of fibers; a block
// is left when nobody in it can run, or when somebody spins.
static std::vector<Fiber*> ring;
static size_t head, queued, ring_mask;
static Block *first_block, *last_block;
static uint64_t random_state;
static void* main_context;
static char* finished_stack;
static bool stuck;

static uint64_t next_random() {  // xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1dull;
}

constexpr uint64_t kTurns = 2000000;

static void start_schedule(size_t fibers) {
  size_t size = 1;
  while (run->launch->schedule == 2 && size < fibers + 1) size <<= 1;
  ring.assign(size, nullptr);
  ring_mask = size - 1;
  head = queued = 0;
  first_block = last_block = nullptr;
  stuck = false;
  random_state = run->launch->seed * 2654435769u + 88172645463325252ull;
  finished_stack = nullptr;
}

static void queue_block(Block* block) {
  block->next = nullptr;
  (first_block == nullptr ? first_block : last_block->next) = block;
  last_block = block;
}

void make_ready(Fiber* fiber) {
  if (fiber->state != State::fresh) fiber->state = State::ready;
  ++queued;
  if (run->launch->schedule == 2) {
    ring[(head + queued - 1) & ring_mask] = fiber;
    return;
  }
  Block* block = fiber->block;
  fiber->next = nullptr;
  if (block->ready_first == nullptr) queue_block(block);
  (block->ready_first == nullptr ? block->ready_first : block->ready_last->next) = fiber;
  block->ready_last = fiber;
}

static Fiber* take_random() {
  std::swap(ring[head & ring_mask], ring[(head + next_random() % queued) & ring_mask]);
  return ring[head++ & ring_mask];
}

static Fiber* take_next() {
  Block* block = first_block;
  Fiber* fiber = block->ready_first;
  block->ready_first = fiber->next;
  if (block->ready_first == nullptr) first_block = block->next;
  return fiber;
}

// Others come first, when a fiber of this block spins.
static void put_back(Block* block) {
  if (first_block != block || block->next == nullptr) return;
  first_block = block->next;
  queue_block(block);
}

// Wakes fibers in the schedule's order.
static void make_all_ready(Fiber* const* fibers, size_t count) {
  for (size_t i = 0; i < count; ++i) fibers[i]->spinning = false;
  if (run->launch->schedule == 1)
    while (count-- > 0) make_ready(fibers[count]);
  else
    for (size_t i = 0; i < count; ++i) make_ready(fibers[i]);
}

static void fiber_body() {
  run->entry->call(run->values.data());
  Fiber* self = run->current;
  void finish(Fiber*);
  finish(self);
  self->state = State::done;
  --run->alive;
  finished_stack = self->stack;
  switch_context(&self->sp, main_context);
}

static Fiber* pick() {
  if (queued == 0) return nullptr;
  Fiber* fiber = run->launch->schedule == 2 ? take_random() : take_next();
  --queued;
  if (fiber->state == State::fresh) {
    fiber->stack = take_stack();
    // Tops that differ in their place within a page keep fibers from pushing one another out of the cache.
    fiber->sp = first_frame(fiber->stack, fiber->stack + kStack - fiber->number % 32 * 128, &fiber_body);
    progress();
  }
  fiber->state = State::running;
  fiber->loads = 0;
  ++run->launch->switches;
  return fiber;
}

// Leaves the current fiber, whose state says why.
static void leave() {
  Fiber* self = run->current;
  Fiber* next = pick();
  if (next == self) return;
  if (next == nullptr) {
    stuck = true;
    switch_context(&self->sp, main_context);
    return;
  }
  run->current = next;
  switch_context(&self->sp, next->sp);
}

void wait_in(State state, int line) {
  run->current->state = state;
  run->current->line = line;
  leave();
}

void progress() { run->idle = run->turns = 0; }
void atomic_changed() { run->idle = 0; }  // which may mean that others get on, and may not

static void pause(int line) {
  Fiber* self = run->current;
  self->line = line;
  self->spinning = true;
  if (++run->idle > 1000 * (queued + 1) + 1000) fail_stuck(Fault::deadlock);
  if (++run->turns > kTurns + 1000 * queued) fail_stuck(Fault::livelock);
  put_back(self->block);
  make_ready(self);
  leave();
}

void spin_pause(int line) { pause(line); }

// Before an atomic access others may run first: always possible on a device, and the random schedules try it.
void preempt(int line) {
  Fiber* self = run->current;
  if (run->launch->schedule != 2 || (next_random() & 1)) return;
  self->line = line;
  make_ready(self);
  leave();
}

// Runs all fibers to their ends; comes back early only by `fail`.
static void run_all() {
  while (run->alive > 0) {
    if (finished_stack != nullptr) free_stacks.push_back(finished_stack);
    finished_stack = nullptr;
    Fiber* next = stuck ? nullptr : pick();
    if (next == nullptr) fail_stuck(Fault::deadlock);
    run->current = next;
    switch_context(&main_context, next->sp);
  }
}

}  // namespace rnnc_cpu
