// What threads do together: barriers of blocks and clusters, and the collective operations of warps.

namespace rnnc_cpu {

Index thread_index() { return run->current->thread; }
Index block_index() { return run->current->block->index; }
Index block_size() { return {run->launch->block[0], run->launch->block[1], run->launch->block[2]}; }
Index grid_size() { return {run->launch->grid[0], run->launch->grid[1], run->launch->grid[2]}; }
void* shared_memory() { return run == nullptr ? nullptr : run->current->block->shared->base; }
unsigned lane_index() { return run->current->lane; }
unsigned cluster_rank() { return run->current->block->rank; }
unsigned cluster_size() { return run->launch->cluster; }

static std::string named(const Fiber& f) {
  char text[96];
  snprintf(text, sizeof text, "thread (%u,%u,%u)", f.thread.x, f.thread.y, f.thread.z);
  return text;
}

// ---- blocks ----

static void arrive_at_block(int line) {
  Fiber* self = run->current;
  Block* block = self->block;
  self->line = line;
  if (block->done > 0)
    for (Fiber* f : block->fibers)
      if (f->state == State::done)
        fail(Fault::divergence, at_line(line), "a barrier of the block that %s skipped: it has ended", named(*f).c_str());
  if (block->waiting > 0 && block->line != line)
    fail(Fault::divergence, at_line(line), "a barrier of the block while others wait at another one, line %d",
         block->line);
  block->line = line;
  if (++block->waiting < block->fibers.size()) {
    wait_in(State::at_block, line);
    return;
  }
  block->waiting = 0;
  block->answer = block->truths;
  block->truths = 0;
  join_clocks(block->fibers.data(), block->fibers.size());
  progress();
  make_all_ready(block->fibers.data(), block->fibers.size());
  leave();
}

void block_barrier(int line) { arrive_at_block(line); }

unsigned block_count(bool predicate, int line) {
  Block* block = run->current->block;
  block->truths += predicate;
  arrive_at_block(line);
  return block->answer;
}

void grid_meets(unsigned blocks, int line) {
  if (blocks > 1 && !run->launch->cooperative)
    fail(Fault::deadlock, at_line(line),
         "a barrier of %u blocks in a launch that is not cooperative: they may not all be there", blocks);
}

void cluster_barrier(int line) {
  Fiber* self = run->current;
  Cluster* cluster = self->block->cluster;
  self->line = line;
  if (cluster->done > 0)
    fail(Fault::divergence, at_line(line), "a barrier of the cluster of which %u threads have ended", cluster->done);
  if (++cluster->waiting < cluster->threads) {
    wait_in(State::at_cluster, line);
    return;
  }
  cluster->waiting = 0;
  ++cluster->barriers;
  std::vector<Fiber*> all;
  for (Block* block : cluster->blocks) all.insert(all.end(), block->fibers.begin(), block->fibers.end());
  for (Fiber* f : all) arrive_sent(f);
  join_clocks(all.data(), all.size());
  progress();
  make_all_ready(all.data(), all.size());
  leave();
}

// ---- warps ----

// The fiber of a lane in the warp of `self`; null where the block has no such thread.
static Fiber* lane_of(const Fiber* self, unsigned lane) {
  return self->warp->exist >> lane & 1 ? self->warp->first + lane : nullptr;
}

static bool same_operation(const Fiber* a, const Fiber* b) {
  return a->mask == b->mask && a->matrix == b->matrix && (a->matrix >= 0 || a->op == b->op);
}

static uint64_t shuffled(const Fiber* self) {
  unsigned lane = self->lane, width = (unsigned)self->width, segment = lane & ~(width - 1);
  unsigned from = lane, operand = (unsigned)self->operand;
  if (self->op == WarpOp::shuffle) from = segment + (operand & (width - 1));
  if (self->op == WarpOp::shuffle_up) from = lane - segment >= operand ? lane - operand : lane;
  if (self->op == WarpOp::shuffle_down) from = lane - segment + operand < width ? lane + operand : lane;
  if (self->op == WarpOp::shuffle_xor) from = (lane ^ operand) < segment + width ? lane ^ operand : lane;
  const Fiber* source = from < kWarp ? lane_of(self, from) : nullptr;
  bool takes_part = source != nullptr && (self->mask >> from & 1) && source->state != State::done;
  return takes_part ? source->value : ~0ull;  // undefined on the device: poison here
}

static void carry_out(Fiber* const* lanes, size_t count) {
  const Fiber* first = lanes[0];
  if (first->matrix >= 0) {
    void carry_out_matrix(Fiber* const*);
    carry_out_matrix(lanes);
    return;
  }
  uint64_t results[kWarp], votes = 0;
  for (size_t i = 0; i < count; ++i) votes |= (uint64_t)(lanes[i]->value & 1) << lanes[i]->lane;
  for (size_t i = 0; i < count; ++i) switch (first->op) {
      case WarpOp::sync: results[i] = 0; break;
      case WarpOp::ballot: results[i] = votes; break;
      case WarpOp::any: results[i] = votes != 0; break;
      case WarpOp::all: results[i] = (unsigned)__builtin_popcountll(votes) == count; break;
      default: results[i] = shuffled(lanes[i]);
    }
  for (size_t i = 0; i < count; ++i) lanes[i]->value = results[i];
  if (first->op == WarpOp::sync) join_clocks(lanes, count);
}

// The lanes that the operation of `self` waits for.
static uint32_t wanted(const Fiber* self) { return self->mask & self->warp->exist & ~self->warp->done; }

// Carries out the operation that `self` waits in if all its lanes have come.
static void complete(Fiber* self) {
  Warp* warp = self->warp;
  uint32_t want = wanted(self);
  if ((warp->waiting & want) != want) return;
  Fiber* lanes[kWarp];
  size_t count = 0;
  for (uint32_t rest = want; rest != 0; rest &= rest - 1) {
    Fiber* f = warp->first + __builtin_ctz(rest);
    if (warp->mixed && !same_operation(f, self)) return;
    lanes[count++] = f;
  }
  if (self->matrix >= 0 && count < kWarp)
    fail(Fault::divergence, at_line(self->line), "an operation on matrices needs 32 lanes, and %zu take part", count);
  carry_out(lanes, count);
  progress();
  warp->waiting &= ~want;
  warp->mixed = warp->mixed && warp->waiting != 0;
  make_all_ready(lanes, count);
}

// Any operation that the other lanes wait in may be complete now.
static void end_lane(Fiber* ended) {
  Warp* warp = ended->warp;
  ended->state = State::done;
  warp->done |= 1u << ended->lane;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if (warp->waiting >> lane & 1) complete(warp->first + lane);
}

static const char* const kOperations[] = {"__syncwarp",     "__shfl_sync",   "__shfl_up_sync", "__shfl_down_sync",
                                          "__shfl_xor_sync", "__ballot_sync", "__any_sync",     "__all_sync"};
static const char* const kMatrixOperations[] = {"mma f16", "mma bf16", "mma tf32", "ldmatrix", "ldmatrix trans"};

static const char* operation_of(const Fiber* f) {
  return f->matrix >= 0 ? kMatrixOperations[f->matrix] : kOperations[(int)f->op];
}

// Two lanes that wait for one another in two operations wait for ever.
static void check_mixed(const Fiber* self) {
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if (!(self->warp->waiting >> lane & 1)) continue;
    const Fiber* f = self->warp->first + lane;
    if (!same_operation(f, self) && (f->mask >> self->lane & 1) && (self->mask >> lane & 1))
      fail(Fault::divergence, at_line(self->line),
           "%s (mask 0x%08x) while lane %u waits for this one in %s (mask 0x%08x), line %d", operation_of(self),
           self->mask, lane, operation_of(f), f->mask, f->line);
  }
}

// The current fiber waits in the operation that its fields describe.
static void arrive_at_warp(int line) {
  Fiber* self = run->current;
  Warp* warp = self->warp;
  self->line = line;
  if (!(self->mask >> self->lane & 1))
    fail(Fault::divergence, at_line(line), "%s with mask 0x%08x by lane %u, which is not in it", operation_of(self),
         self->mask, self->lane);
  if (warp->waiting == 0) warp->leader = self;
  warp->mixed = warp->mixed || !same_operation(warp->leader, self);
  if (warp->mixed) check_mixed(self);
  warp->waiting |= 1u << self->lane;
  self->state = State::at_warp;
  complete(self);
  leave();
}

unsigned long long warp_exchange(WarpOp op, unsigned mask, unsigned long long value, int operand, int width, int line) {
  Fiber* self = run->current;
  self->op = op;
  self->matrix = -1;
  self->mask = mask;
  self->value = value;
  self->operand = operand;
  self->width = width;
  arrive_at_warp(line);
  return self->value;
}

unsigned active_mask() { return 1u << run->current->lane; }  // lanes run one at a time

// ---- the end of a thread ----

void finish(Fiber* self) {
  Block* block = self->block;
  if (block->waiting > 0) {
    const Fiber* f = nullptr;
    for (Fiber* other : block->fibers)
      if (other->state == State::at_block) f = other;
    fail(Fault::divergence, at_line(f->line), "%s ended while %s waits at a barrier of the block, line %d",
         named(*self).c_str(), named(*f).c_str(), f->line);
  }
  if (block->cluster->waiting > 0)
    fail(Fault::divergence, at_line(self->line), "%s ended while others wait at a barrier of the cluster",
         named(*self).c_str());
  ++block->done;
  ++block->cluster->done;
  if (block->done == block->fibers.size()) leave_shared(block);
  progress();
  end_lane(self);  // which nobody waits for any longer
}

}  // namespace rnnc_cpu
