// Guarded memory: arguments and shared memory end right before pages that nobody can touch. Asynchronous copies.
#include <sys/mman.h>
#include <algorithm>

namespace rnnc_cpu {

static size_t page_up(size_t n) { return (n + 4095) / 4096 * 4096; }

// `bytes` poisoned bytes whose address is `alignment` modulo 16 and whose end is as near to the guard as that allows.
static void map_region(Region* region, size_t bytes, size_t alignment, size_t guard) {
  size_t inner = page_up(bytes + 32);
  region->mapped = inner + 2 * guard;
  void* memory = mmap(nullptr, region->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail(Fault::resources, 0, "no memory for %zu bytes of an argument", bytes);
  region->mapping = static_cast<char*>(memory);
  region->page = region->mapping + guard;
  region->page_end = region->page + inner;
  mprotect(region->page, inner, PROT_READ | PROT_WRITE);
  size_t over = (bytes + alignment) % 16;
  region->base = region->page_end - bytes - (over ? 16 - over : 0);
  region->bytes = bytes;
  memset(region->page, kPoison, inner);
}

static void unmap_regions() {
  for (Region& region : run->regions)
    if (region.mapping != nullptr) munmap(region.mapping, region.mapped);
  run->regions.clear();
}

// Whether the few readable bytes around a region are as they were.
static bool untouched(const Region& region) {
  auto poison = [](char c) { return (unsigned char)c == kPoison; };
  return std::all_of(region.page, region.base, poison) &&
         std::all_of(region.base + region.bytes, region.page_end, poison);
}

Region* region_of(const void* p) {
  const char* address = static_cast<const char*>(p);
  static size_t last = 0;
  std::vector<Region>& all = run->regions;
  auto holds = [=](const Region& r) { return address >= r.mapping && address < r.mapping + r.mapped; };
  if (last < all.size() && holds(all[last])) return &all[last];
  size_t low = 0, high = all.size();
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (all[middle].mapping + all[middle].mapped <= address) low = middle + 1;
    else high = middle;
  }
  if (low == all.size() || !holds(all[low])) return nullptr;
  last = low;
  return &all[low];
}

static std::string described(const Region& region) {
  char text[160];
  if (region.block == nullptr)
    snprintf(text, sizeof text, "argument %u of %zu bytes", region.argument, region.bytes);
  else
    snprintf(text, sizeof text, "the %zu bytes of shared memory of block (%u,%u,%u)", region.bytes,
             region.block->index.x, region.block->index.y, region.block->index.z);
  return text;
}

// How an address lies to its region, for people.
static std::string outside(const Region& region, const char* address) {
  char text[64];
  if (address < region.base)
    snprintf(text, sizeof text, "%zu bytes before ", (size_t)(region.base - address));
  else
    snprintf(text, sizeof text, "at offset %zu of ", (size_t)(address - region.base));
  return text + described(region);
}

static void check_elsewhere(const char* address, unsigned bytes, bool write, Place place) {
  if (!write && address >= run->image_start && address < run->image_end) return;  // constants
  for (const Fiber& f : run->fibers)
    if (f.stack != nullptr && address >= f.stack && address < f.stack + kStack)
      fail(Fault::bounds, place, "%s of %u bytes in the local memory of another thread", write ? "write" : "read", bytes);
  fail(Fault::bounds, place, "%s of %u bytes at an address that belongs to no argument", write ? "write" : "read", bytes);
}

void record_access(Region* region, size_t offset, unsigned bytes, bool write, bool atomic, Place place);

void check_access(const void* p, unsigned bytes, bool write, bool atomic, Place place) {
  const char* address = static_cast<const char*>(p);
  Fiber* self = run->current;
  if (address >= self->stack && address < self->stack + kStack) return;
  Region* region = region_of(p);
  if (region == nullptr) return check_elsewhere(address, bytes, write, place);
  const char* verb = write ? "write" : "read";
  if (address < region->base || address + bytes > region->base + region->bytes)
    fail(Fault::bounds, place, "%s of %u bytes %s", verb, bytes, outside(*region, address).c_str());
  if (region->block != nullptr && region->block != self->block) {
    if (region->block->cluster != self->block->cluster)
      fail(Fault::bounds, place, "%s in the shared memory of a block of another cluster", verb);
    if (region->block->done == region->block->fibers.size())
      fail(Fault::bounds, place, "%s in the shared memory of a block that has ended", verb);
  }
  if (run->launch->race) record_access(region, (size_t)(address - region->base), bytes, write, atomic, place);
}

void atomic_access(const void* p, unsigned bytes, Order order, int line) {
  preempt(line);
  Fiber* self = run->current;
  self->line = line;
  if (reinterpret_cast<uintptr_t>(p) % bytes != 0)
    fail(Fault::alignment, at_line(line), "an atomic access of %u bytes at an address that is no multiple", bytes);
  bool load = order == Order::relaxed_load || order == Order::acquire_load;
  if (order == Order::release_store || order == Order::release_update) arrive_sent(self);
  if (++self->loads > 1000) spin_pause(line);  // a loop without one must not keep all others out
  check_access(p, bytes, !load, true, at_line(line));
  order_atomic(p, order);
}

void fence(int line) {
  run->current->line = line;
  arrive_sent(run->current);
  order_fence();
}

// ---- the shared memory of other blocks of the cluster ----

// What a thread has sent arrives: when the cluster has met, or whatever else lets others see it.
void arrive_sent(Fiber* fiber) {
  for (const Sent& one : fiber->sent) memcpy(one.to, &one.value, one.bytes);
  fiber->sent.clear();
}

// Takes note that a thread goes to the shared memory of another block, which must be there until the cluster has met.
static void visit(Block* other, int line) {
  Fiber* self = run->current;
  if (other == self->block) return;
  if (other->done == other->fibers.size())
    fail(Fault::bounds, at_line(line), "access to the shared memory of a block that has ended");
  other->visited = other->cluster->barriers + 1;
  other->visitor = self;
  other->visitor_line = line;
}

// All threads of a block have ended.
void leave_shared(Block* block) {
  if (block->visited != block->cluster->barriers + 1) return;
  const Index b = block->visitor->block->index, t = block->visitor->thread;
  fail(Fault::bounds, at_line(run->current->line),
       "the block has ended, and since thread (%u,%u,%u) of block (%u,%u,%u) went to its shared memory in line %d the"
       " cluster has not met: a barrier of the cluster must come last",
       t.x, t.y, t.z, b.x, b.y, b.z, block->visitor_line);
}

void* map_shared(const void* p, unsigned rank, int line) {
  Block* block = run->current->block;
  run->current->line = line;
  Region* own = block->shared;
  const char* address = static_cast<const char*>(p);
  if (rank >= block->cluster->blocks.size())
    fail(Fault::bounds, at_line(line), "rank %u of a cluster of %zu blocks", rank, block->cluster->blocks.size());
  if (address < own->base || address > own->base + own->bytes)
    fail(Fault::bounds, at_line(line), "map_shared_rank of an address that is not in this block's shared memory");
  for (Fiber* fiber : block->fibers) arrive_sent(fiber);  // whoever may read there sees what the block itself wrote
  visit(block->cluster->blocks[rank], line);
  return block->cluster->blocks[rank]->shared->base + (address - own->base);
}

void store_cluster(const void* p, unsigned rank, const void* value, unsigned bytes, int line) {
  Fiber* self = run->current;
  Cluster* cluster = self->block->cluster;
  self->line = line;
  if (rank >= cluster->blocks.size())
    fail(Fault::bounds, at_line(line), "rank %u of a cluster of %zu blocks", rank, cluster->blocks.size());
  Block* other = cluster->blocks[rank];
  visit(other, line);
  char* to = other->shared->base + (static_cast<const char*>(p) - self->block->shared->base);
  if (region_of(to) != other->shared)
    fail(Fault::bounds, at_line(line), "st_cluster of an address that is not in this block's shared memory");
  if (reinterpret_cast<uintptr_t>(to) % bytes != 0)
    fail(Fault::alignment, at_line(line), "st_cluster of %u bytes at an address that is no multiple", bytes);
  check_access(to, bytes, true, false, at_line(line));
  Sent one = {to, 0, bytes};
  memcpy(&one.value, value, bytes);
  self->sent.push_back(one);
  if (other == self->block) arrive_sent(self);
}

// ---- asynchronous copies: both ends are claimed at once, the data arrive at the wait ----

void copy_async(void* shared, const void* global, unsigned bytes, int line) {
  Fiber* self = run->current;
  self->line = line;
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) % 16 != 0)
    fail(Fault::alignment, at_line(line), "cp_async16 between addresses that are no multiples of 16");
  if (bytes > 16) fail(Fault::bounds, at_line(line), "cp_async16_zfill of %u bytes, and 16 are the most", bytes);
  check_access(shared, 16, true, false, at_line(line));
  Region* region = region_of(shared);
  if (region == nullptr || region->block != self->block)
    fail(Fault::bounds, at_line(line), "cp_async16 to an address that is not in the block's shared memory");
  if (bytes > 0) check_access(global, bytes, false, false, at_line(line));
  memset(shared, kPoison, 16);
  if (!self->copies) self->copies.reset(new Copies);
  self->copies->open.push_back({static_cast<char*>(shared), static_cast<const char*>(global), bytes});
}

void copy_commit() {
  Fiber* self = run->current;
  if (!self->copies) self->copies.reset(new Copies);
  self->copies->groups.emplace_back(std::move(self->copies->open));
  self->copies->open.clear();
}

void copy_wait(unsigned groups, int line) {
  Fiber* self = run->current;
  self->line = line;
  if (!self->copies) return;
  std::deque<std::vector<Copy>>& under_way = self->copies->groups;
  for (; under_way.size() > groups; under_way.pop_front())
    for (const Copy& copy : under_way.front()) {
      check_access(copy.to, 16, true, false, at_line(line));
      if (copy.bytes > 0) check_access(copy.from, copy.bytes, false, false, at_line(line));
      memset(copy.to, 0, 16);
      memcpy(copy.to, copy.from, copy.bytes);
    }
}

}  // namespace rnnc_cpu
