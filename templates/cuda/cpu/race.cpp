// Happens before, by vector clocks: which accesses are ordered by barriers, releases, acquires and fences, and which
// are not. Threads that leave a barrier share one clock; only a thread that acquires gets its own.

namespace rnnc_cpu {

struct Clock { std::vector<uint32_t> seen; };
typedef std::shared_ptr<const Clock> SharedClock;

static std::unordered_map<const void*, SharedClock> released;
static std::vector<std::vector<Access>> readers;  // of cells whose `read` is kMany, by its epoch

static void start_race() {
  released.clear();
  readers.clear();
}

static uint32_t seen_by(const Fiber* f, uint32_t thread) {
  if (thread == f->number) return f->epoch;
  return f->clock ? f->clock->seen[thread] : 0;
}
static bool ordered(const Fiber* f, const Access& earlier) {
  return seen_by(f, earlier.thread & ~kAtomic) >= earlier.epoch;
}

// ---- clocks ----

static void merge(Clock& into, const SharedClock& from) {
  if (!from) return;
  for (size_t i = 0; i < into.seen.size(); ++i) into.seen[i] = std::max(into.seen[i], from->seen[i]);
}
static std::shared_ptr<Clock> zero_clock() {
  auto clock = std::make_shared<Clock>();
  clock->seen.assign(run->fibers.size(), 0);
  return clock;
}

void join_clocks(Fiber* const* fibers, size_t count) {
  if (!run->launch->race) return;
  std::shared_ptr<Clock> joined = zero_clock();
  const Clock* last = nullptr;  // neighbours mostly share theirs
  for (size_t i = 0; i < count; ++i) {
    if (fibers[i]->clock.get() != last) merge(*joined, fibers[i]->clock);
    last = fibers[i]->clock.get();
  }
  for (size_t i = 0; i < count; ++i) joined->seen[fibers[i]->number] = fibers[i]->epoch++;
  for (size_t i = 0; i < count; ++i) fibers[i]->clock = joined;
}

// All that this thread has done and seen, with what `before` holds.
static SharedClock history(Fiber* self, const SharedClock& before) {
  std::shared_ptr<Clock> clock = zero_clock();
  merge(*clock, before);
  merge(*clock, self->clock);
  clock->seen[self->number] = self->epoch++;
  return clock;
}
static SharedClock both(const SharedClock& a, const SharedClock& b) {
  if (!a || !b || a == b) return a ? a : b;
  std::shared_ptr<Clock> clock = zero_clock();
  merge(*clock, a);
  merge(*clock, b);
  return clock;
}

void order_atomic(const void* p, Order order) {
  if (!run->launch->race) return;
  Fiber* self = run->current;
  SharedClock& at = released[p];
  switch (order) {
    case Order::acquire_load: self->clock = both(self->clock, at); break;
    case Order::release_store: at = history(self, nullptr); break;
    case Order::release_update: at = history(self, at); break;
    case Order::relaxed_store: at = self->fenced; break;
    case Order::relaxed_load: self->pending = both(self->pending, at); break;
    case Order::relaxed_update:
      self->pending = both(self->pending, at);
      at = both(at, self->fenced);
      break;
  }
}

void order_fence() {
  if (!run->launch->race) return;
  Fiber* self = run->current;
  self->clock = both(self->clock, self->pending);
  self->fenced = history(self, nullptr);
}

// ---- accesses ----

[[noreturn]] static void report_race(const Region& region, size_t offset, bool write, const Access& earlier,
                                     bool earlier_write, Place place) {
  const Fiber& other = run->fibers[earlier.thread & ~kAtomic];
  run->report->other = earlier.place;
  fail(Fault::race, place,
       "%s at offset %zu of %s is not ordered after the %s by thread (%u,%u,%u) of block (%u,%u,%u)",
       write ? "write" : "read", offset, described(region).c_str(), earlier_write ? "write" : "read", other.thread.x,
       other.thread.y, other.thread.z, other.block->index.x, other.block->index.y, other.block->index.z);
}

// Adds a read; reads that happen before it need not be kept.
static void add_reader(Cell& cell, const Access& now) {
  Fiber* self = run->current;
  Access& read = cell.read;
  if (read.thread == kNobody || (read.thread != kMany && ordered(self, read))) {
    read = now;
    return;
  }
  if (read.thread != kMany) {
    readers.push_back({read});
    read = {kMany, (uint32_t)(readers.size() - 1), 0};
  }
  std::vector<Access>& all = readers[read.epoch];
  for (Access& one : all)
    if ((one.thread & ~kAtomic) == self->number) {
      one = now;
      return;
    }
  all.push_back(now);
}

static void check_cell(Region* region, Cell& cell, size_t offset, bool write, const Access& now) {
  Fiber* self = run->current;
  bool atomic = (now.thread & kAtomic) != 0;
  auto races = [&](const Access& a) {
    return a.thread != kNobody && !(atomic && (a.thread & kAtomic)) && !ordered(self, a);
  };
  if (races(cell.write)) report_race(*region, offset, write, cell.write, true, now.place);
  if (!write) return add_reader(cell, now);
  if (cell.read.thread == kMany) {
    for (const Access& a : readers[cell.read.epoch])
      if (races(a)) report_race(*region, offset, true, a, false, now.place);
  } else if (races(cell.read)) {
    report_race(*region, offset, true, cell.read, false, now.place);
  }
  cell.read = Access();
  cell.write = now;
}

void record_access(Region* region, size_t offset, unsigned bytes, bool write, bool atomic, Place place) {
  size_t granule = region->granule;
  if (region->shadow.empty()) region->shadow.resize((region->bytes + granule - 1) / granule);
  Access now = {run->current->number | (atomic ? kAtomic : 0), run->current->epoch, place};
  for (size_t i = offset / granule; i <= (offset + bytes - 1) / granule; ++i)
    check_cell(region, region->shadow[i], i * granule, write, now);
}

}  // namespace rnnc_cpu
