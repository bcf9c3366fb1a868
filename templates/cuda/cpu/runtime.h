// What compiled kernel text asks of the runtime. Every function that can wait or fail takes the kernel's line.
#pragma once

#pragma GCC visibility push(default)
namespace rnnc_cpu {

struct Index { unsigned x, y, z; };

// A kernel as its library offers it: how to call it, and its parameters as the compiler sees them. kind: f floating, i signed, u unsigned, b bool, h f16, B bf16, c any (char, void), x another type; `bytes` of
// the value, or of what the pointer points at.
struct Parameter { char kind; bool pointer, constant; unsigned bytes; };
struct Entry {
  void (*call)(void** values);
  const Parameter* parameters;
  unsigned count;
};

// Constant for the life of one CUDA thread, which the compiler may use.
Index thread_index() __attribute__((const));
Index block_index() __attribute__((const));
Index block_size() __attribute__((const));
Index grid_size() __attribute__((const));
void* shared_memory() __attribute__((const));
unsigned lane_index() __attribute__((const));
unsigned cluster_rank() __attribute__((const));
unsigned cluster_size() __attribute__((const));

void block_barrier(int line);
// __syncthreads_count, _or and _and in one: how many threads of the block say true.
unsigned block_count(bool predicate, int line);
void cluster_barrier(int line);
void grid_meets(unsigned blocks, int line);  // before a barrier of so many blocks of the grid
void* map_shared(const void* p, unsigned rank, int line);
void store_cluster(const void* p, unsigned rank, const void* value, unsigned bytes, int line);
void spin_pause(int line);
void fence(int line);
[[noreturn]] void trap(int line);

enum class WarpOp { sync, shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot, any, all };
// The value that this lane gets out of a warp's collective operation; `mask` names the lanes that take part.
unsigned long long warp_exchange(WarpOp op, unsigned mask, unsigned long long value, int operand, int width, int line);
unsigned active_mask();

enum class Matrix { f16, bf16, tf32 };
void warp_product(Matrix type, float* acc, const unsigned* a, const unsigned* b, int line);
void warp_load_matrices(unsigned* r, const void* row, bool transposed, int line);

void copy_async(void* shared, const void* global, unsigned bytes, int line);
void copy_commit();
void copy_wait(unsigned groups, int line);

enum class Order { relaxed_load, relaxed_store, relaxed_update, acquire_load, release_store, release_update };
// Called right before an atomic access, which is then carried out without a switch.
void atomic_access(const void* p, unsigned bytes, Order order, int line);
void atomic_changed();

}  // namespace rnnc_cpu
#pragma GCC visibility pop
