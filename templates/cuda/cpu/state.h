// One launch: its fibers (one per CUDA thread), warps, blocks and clusters. Everything else works on these.
#pragma once
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime.h"

namespace rnnc_cpu {

constexpr unsigned kWarp = 32;
constexpr size_t kGuard = 1 << 20;        // unreadable bytes on both sides of an argument
constexpr size_t kStack = 128 << 10;      // a thread's local variables
constexpr unsigned char kPoison = 0xff;  // NaN in every floating type

// Where in the kernel text something is: an address of machine code relative to the library, or (high bit) a line.
typedef uint32_t Place;
constexpr Place kLine = 0x80000000u;
inline Place at_line(int line) { return kLine | (Place)line; }
Place at_address(const void* code);

// What the launcher hands over (ctypes mirrors these four).
struct Range {
  char* host;
  size_t bytes;
  uint32_t alignment;  // the address modulo 16 that the kernel must see
  uint32_t granule;    // bytes per shadow cell in race mode
  uint32_t written;    // copied back after the launch
  uint32_t argument;   // the first one that lies in it, counted from 1
};
struct Argument {
  int32_t range;  // index of its range, -1 for a plain value
  uint64_t offset;
  void* value;
};
struct Report {
  int32_t kind;
  uint32_t block[3], thread[3];
  uint32_t place, other;  // `other`: the earlier access of a race
  char message[4096];
};
struct Launch {
  uint32_t grid[3], block[3];
  uint32_t cluster;
  uint32_t cooperative;  // all blocks are there at once
  uint64_t shared_bytes;
  uint32_t schedule;  // 0 first in first out, 1 reversed, 2 random
  uint64_t seed;
  uint32_t race;
  double seconds;  // after which a thread that never waits is reported
  uint32_t ranges, arguments;
  const Range* range;
  const Argument* argument;
  uint64_t switches;  // out
};

enum class Fault {
  none, deadlock, divergence, livelock, bounds, alignment, race, hang, stack, arithmetic, trap, resources
};
enum class State { fresh, ready, running, at_block, at_warp, at_cluster, done };

struct Copy { char* to; const char* from; unsigned bytes; };
struct Copies {
  std::deque<std::vector<Copy>> groups;  // committed, oldest first
  std::vector<Copy> open;                // of the group that is not committed
};
// What a thread wrote into the shared memory of another block, and what others need not see yet.
struct Sent { char* to; uint64_t value; unsigned bytes; };
struct Region;
struct Clock;

struct Fiber {
  void* sp = nullptr;
  char* stack = nullptr;  // lowest usable address
  Index thread{};
  struct Block* block = nullptr;
  struct Warp* warp = nullptr;
  unsigned number = 0;  // in the grid
  unsigned lane = 0;
  State state = State::fresh;
  int line = 0;
  bool spinning = false;
  Fiber* next = nullptr;  // in its block's queue
  unsigned loads = 0;  // and other atomic accesses since the last switch
  // A warp's operation that this lane waits in.
  WarpOp op{};
  int matrix = -1;  // 0 to 2: a product, 3 and 4: loads; -1: `op`
  unsigned mask = 0;
  uint64_t value = 0;
  int operand = 0, width = 0;
  float* acc = nullptr;
  const unsigned *a = nullptr, *b = nullptr;
  unsigned* r = nullptr;
  std::unique_ptr<Copies> copies;  // asynchronous ones under way
  std::vector<Sent> sent;
  // Race mode.
  uint32_t epoch = 1;
  std::shared_ptr<const Clock> clock, fenced, pending;
};

// Lanes as bits. While all that wait do so in one operation, `leader` has it and nobody else need be looked at.
struct Warp {
  Fiber* first = nullptr;
  uint32_t exist = 0, done = 0, waiting = 0;
  const Fiber* leader = nullptr;
  bool mixed = false;
};

struct Block {
  Index index{};
  unsigned number = 0;
  std::vector<Fiber*> fibers;
  unsigned waiting = 0, done = 0, truths = 0, answer = 0;
  int line = 0;  // of the barrier that `waiting` threads wait at
  Fiber *ready_first = nullptr, *ready_last = nullptr;
  Block* next = nullptr;  // in the queue of blocks with ready fibers
  struct Cluster* cluster = nullptr;
  unsigned rank = 0;
  Region* shared = nullptr;
  unsigned visited = 0;  // how many barriers of the cluster, and one, there were when another block last went there
  const Fiber* visitor = nullptr;
  int visitor_line = 0;
};

struct Cluster {
  std::vector<Block*> blocks;
  unsigned waiting = 0, done = 0, threads = 0;
  unsigned barriers = 0;  // that all its threads have left
};

// Race mode: the last write and the last reads of one granule of memory. The high bit of a thread's number says
// "atomic"; kMany: `epoch` is the place of a list of readers.
constexpr uint32_t kNobody = 0x7fffffffu, kMany = 0x7ffffffeu, kAtomic = 0x80000000u;
struct Access { uint32_t thread = kNobody, epoch = 0; Place place = 0; };
struct Cell { Access write, read; };

// A stretch of guarded memory: an argument or the shared memory of a block.
struct Region {
  char* base = nullptr;
  size_t bytes = 0;
  char* mapping = nullptr;
  size_t mapped = 0;
  char* page = nullptr;  // what can be read lies from here to page_end
  char* page_end = nullptr;
  int range = -1;
  unsigned argument = 0;
  Block* block = nullptr;
  uint32_t granule = 1;
  std::vector<Cell> shadow;
};

struct Run {
  Launch* launch = nullptr;
  const Entry* entry = nullptr;
  const char *image_start = nullptr, *image_end = nullptr;  // of the kernel's library
  Report* report = nullptr;
  std::vector<void*> values;
  std::vector<uint64_t> pointers;
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::vector<Block> blocks;
  std::vector<Cluster> clusters;
  std::vector<Region> regions;  // sorted by address
  Fiber* current = nullptr;
  unsigned alive = 0;
  uint64_t idle = 0;   // pauses since anything else happened
  uint64_t turns = 0;  // pauses since anything but atomic updates happened
  jmp_buf out;
};

extern Run* run;

[[noreturn]] void fail(Fault kind, Place place, const char* format, ...) __attribute__((format(printf, 3, 4)));
[[noreturn]] void fail_stuck(Fault kind);

// schedule
void make_ready(Fiber* fiber);
void wait_in(State state, int line);
void progress();
void preempt(int line);

// memory
Region* region_of(const void* p);
void check_access(const void* p, unsigned bytes, bool write, bool atomic, Place place);

void arrive_sent(Fiber* fiber);
void leave_shared(Block* block);

// race; all do nothing outside race mode
void join_clocks(Fiber* const* fibers, size_t count);
void order_atomic(const void* p, Order order);
void order_fence();

}  // namespace rnnc_cpu
