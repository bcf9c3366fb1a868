// One launch from start to end: memory, blocks, fibers, the run, and the results back.

namespace rnnc_cpu {

static void map_arguments() {
  const Launch& launch = *run->launch;
  for (uint32_t i = 0; i < launch.ranges; ++i) {
    const Range& range = launch.range[i];
    Region region;
    map_region(&region, range.bytes, range.alignment, kGuard);
    region.range = (int)i;
    region.argument = range.argument;
    region.granule = range.granule;
    memcpy(region.base, range.host, range.bytes);
    run->regions.push_back(std::move(region));
  }
  run->pointers.resize(launch.arguments);
  for (uint32_t i = 0; i < launch.arguments; ++i) {
    const Argument& argument = launch.argument[i];
    if (argument.range >= 0)
      run->pointers[i] = reinterpret_cast<uint64_t>(run->regions[(size_t)argument.range].base + argument.offset);
    run->values.push_back(argument.range >= 0 ? &run->pointers[i] : argument.value);
  }
}

static void make_blocks() {
  const Launch& launch = *run->launch;
  const uint32_t *g = launch.grid, *b = launch.block;
  size_t blocks = (size_t)g[0] * g[1] * g[2], threads = (size_t)b[0] * b[1] * b[2];
  run->fibers.resize(blocks * threads);
  run->blocks.resize(blocks);
  run->clusters.resize(blocks / launch.cluster);
  size_t warps = (threads + kWarp - 1) / kWarp;
  run->warps.resize(blocks * warps);
  for (size_t i = 0; i < blocks; ++i) {
    Block& block = run->blocks[i];
    block.index = {(unsigned)(i % g[0]), (unsigned)(i / g[0] % g[1]), (unsigned)(i / g[0] / g[1])};
    block.number = (unsigned)i;
    block.cluster = &run->clusters[i / launch.cluster];
    block.rank = (unsigned)(i % launch.cluster);
    block.cluster->blocks.push_back(&block);
    block.cluster->threads += (unsigned)threads;
    for (size_t t = 0; t < threads; ++t) {
      Fiber& f = run->fibers[i * threads + t];
      f.thread = {(unsigned)(t % b[0]), (unsigned)(t / b[0] % b[1]), (unsigned)(t / b[0] / b[1])};
      f.block = &block;
      f.number = (unsigned)(i * threads + t);
      f.lane = (unsigned)(t % kWarp);
      f.warp = &run->warps[i * warps + t / kWarp];
      f.warp->exist |= 1u << f.lane;
      if (f.lane == 0) f.warp->first = &f;
      block.fibers.push_back(&f);
    }
  }
  run->alive = (unsigned)run->fibers.size();
}

static void map_shared_memory() {
  bool none = run->launch->shared_bytes == 0;  // then one place that nobody may touch is enough
  for (Block& block : run->blocks) {
    if (none && &block != &run->blocks[0]) break;
    Region region;
    map_region(&region, run->launch->shared_bytes, 0, 16 << 12);
    region.block = &block;
    run->regions.push_back(std::move(region));
  }
  std::sort(run->regions.begin(), run->regions.end(),
            [](const Region& a, const Region& b) { return a.mapping < b.mapping; });
  for (Region& region : run->regions)
    if (region.block != nullptr) region.block->shared = &region;
  if (none)
    for (Block& block : run->blocks) block.shared = run->blocks[0].shared;
}

static void check_slack() {
  for (const Region& region : run->regions)
    if (!untouched(region)) {
      run->current = nullptr;
      fail(Fault::bounds, 0, "something was written right beside %s; race=True tells by whom", described(region).c_str());
    }
}

static void copy_back() {
  for (const Region& region : run->regions)
    if (region.range >= 0 && run->launch->range[region.range].written)
      memcpy(run->launch->range[region.range].host, region.base, region.bytes);
}

static void start_all() {
  start_schedule(run->fibers.size());
  std::vector<Fiber*> all;
  for (Fiber& f : run->fibers) all.push_back(&f);
  make_all_ready(all.data(), all.size());
}

static void keep_stacks() {
  for (Fiber& f : run->fibers)
    if (f.stack != nullptr && f.state != State::done) free_stacks.push_back(f.stack);
  if (finished_stack != nullptr) free_stacks.push_back(finished_stack);
  finished_stack = nullptr;
}

}  // namespace rnnc_cpu

// 0, or 1 with a report. One launch at a time: the caller holds a lock.
extern "C" __attribute__((visibility("default"))) int rnnc_launch(const rnnc_cpu::Entry* entry, rnnc_cpu::Launch* launch,
                                                                  rnnc_cpu::Report* report) {
  using namespace rnnc_cpu;
  std::unique_ptr<Run> owner_of_run(new Run);
  run = owner_of_run.get();
  run->launch = launch;
  run->entry = entry;
  run->report = report;
  memset(report, 0, sizeof *report);
  dl_iterate_phdr(note_image, nullptr);
  catch_signals();
  if (setjmp(run->out) == 0) {
    map_arguments();
    make_blocks();
    map_shared_memory();
    start_race();
    start_all();
    run_all();
    check_slack();
    copy_back();
  }
  release_signals();
  keep_stacks();
  unmap_regions();
  run = nullptr;
  return report->kind != 0;
}
