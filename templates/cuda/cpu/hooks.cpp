// What g++ calls in instrumented code: before every access to memory (-fsanitize=thread, race mode only), and where
// an address is misaligned or an index of a local array is too large (-fsanitize=alignment,bounds, always).

namespace rnnc_cpu {

static void hooked(const void* p, unsigned bytes, bool write, bool aligned, const void* code) {
  Place place = at_address(code);
  if (aligned && reinterpret_cast<uintptr_t>(p) % bytes != 0)
    fail(Fault::alignment, place, "%s of %u bytes at an address that is no multiple", write ? "write" : "read", bytes);
  check_access(p, bytes, write, false, place);
}

static void hooked_volatile(const void* p, unsigned bytes, bool write, const void* code) {
  check_access(p, bytes, write, true, at_address(code));
  if (region_of(p) == nullptr) return;
  order_atomic(p, write ? Order::relaxed_store : Order::relaxed_load);
  if (!write && ++run->current->loads > 1000) spin_pause(run->current->line);
}

}  // namespace rnnc_cpu

#define RNNC_CODE __builtin_return_address(0)
#define RNNC_HOOKS(n)                                                                                               \
  void __tsan_read##n(void* p) { rnnc_cpu::hooked(p, n, false, true, RNNC_CODE); }                                 \
  void __tsan_write##n(void* p) { rnnc_cpu::hooked(p, n, true, true, RNNC_CODE); }                                 \
  void __tsan_unaligned_read##n(void* p) { rnnc_cpu::hooked(p, n, false, false, RNNC_CODE); }                      \
  void __tsan_unaligned_write##n(void* p) { rnnc_cpu::hooked(p, n, true, false, RNNC_CODE); }                      \
  void __tsan_volatile_read##n(void* p) { rnnc_cpu::hooked_volatile(p, n, false, RNNC_CODE); }                     \
  void __tsan_volatile_write##n(void* p) { rnnc_cpu::hooked_volatile(p, n, true, RNNC_CODE); }                     \
  void __tsan_unaligned_volatile_read##n(void* p) { rnnc_cpu::hooked_volatile(p, n, false, RNNC_CODE); }           \
  void __tsan_unaligned_volatile_write##n(void* p) { rnnc_cpu::hooked_volatile(p, n, true, RNNC_CODE); }

#pragma GCC visibility push(default)
extern "C" {
RNNC_HOOKS(1)
RNNC_HOOKS(2)
RNNC_HOOKS(4)
RNNC_HOOKS(8)
RNNC_HOOKS(16)
void __tsan_read_range(void* p, unsigned long n) { rnnc_cpu::hooked(p, (unsigned)n, false, false, RNNC_CODE); }
void __tsan_write_range(void* p, unsigned long n) { rnnc_cpu::hooked(p, (unsigned)n, true, false, RNNC_CODE); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
void __tsan_vptr_update(void*, void*) {}

struct RnncSource { const char* file; uint32_t line, column; };
struct RnncMismatch { RnncSource source; void* type; unsigned char log_alignment, kind; };
struct RnncIndex { RnncSource source; void *array, *index; };

void __ubsan_handle_type_mismatch_v1(RnncMismatch* data, void* p) {
  unsigned alignment = 1u << data->log_alignment;
  if (reinterpret_cast<uintptr_t>(p) % alignment != 0)
    rnnc_cpu::fail(rnnc_cpu::Fault::alignment, rnnc_cpu::at_address(RNNC_CODE),
                   "an access through an address that is no multiple of %u, as its type demands", alignment);
}
void __ubsan_handle_out_of_bounds(RnncIndex*, void* index) {
  rnnc_cpu::fail(rnnc_cpu::Fault::bounds, rnnc_cpu::at_address(RNNC_CODE), "index %lld of a local array is outside",
                 (long long)(intptr_t)index);
}
}
#pragma GCC visibility pop
