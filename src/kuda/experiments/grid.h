#pragma once
// Works through a list of runs, each a process of its own of this very program; what is finished is not done again.
//
//   run_grid(work_list(experiment, choice), {.out = "runs/table5", .jobs = 4}, std::cout, stop);

#include <atomic>
#include <filesystem>
#include <iosfwd>
#include <vector>

#include "kuda/experiments/experiment_file.h"

namespace kuda {

struct GridOptions {
  std::filesystem::path out;  ///< the folder of the runs; logs go into its logs/
  int jobs = 1;               ///< runs at a time
  int threads = 0;            ///< of each run; 0: LibTorch's choice
};

/// Some at a time; a stage is finished before the next one begins. A line to `stream` for each run that ends. A set
/// `stop` is passed on to the runs as SIGTERM. Throws Interrupted then, and Error at the end when runs failed.
void run_grid(const std::vector<WorkItem>& items, const GridOptions& options, std::ostream& stream,
              const std::atomic<bool>& stop);

}  // namespace kuda
