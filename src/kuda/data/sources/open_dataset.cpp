#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/data/dataset.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/prepared.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

Dataset open_with(Dataset (*read)(const fs::path& file), const fs::path& path) {
  if (!fs::exists(path)) throw DataError(path.string() + ": no such file or folder");
  if (!fs::is_directory(path) && is_table(path))
    throw DataError(path.string() + ": a table alone is no data set",
                    "make one with: kuda data import " + path.string() + " FOLDER --audio FILE --vision FILE");
  if (const auto extension = lower_case(path.extension().string()); extension == ".npy" || extension == ".npz")
    throw DataError(path.string() + ": arrays alone are no data set",
                    "put ids, splits and labels into a table: kuda data import label.csv FOLDER --audio " +
                        path.string() + " (docs/data-formats.md)");
  if (!fs::is_directory(path)) return read(path);
  if (is_prepared(path)) return read_prepared(path);
  throw DataError(path.string() + ": expected a prepared folder with dataset.toml",
                  fs::exists(path / "label.csv") ? "make one with: kuda data import " + (path / "label.csv").string() +
                                                       " FOLDER --audio FILE --vision FILE"
                                                 : "make one with: kuda data import FILE FOLDER");
}

}  // namespace

Dataset open_dataset(const fs::path& path) {
  return open_with([](const fs::path& file) { return read_mmsa(file); }, path);
}

Dataset open_on_demand(const fs::path& path) { return open_with(&read_mmsa_on_demand, path); }

}  // namespace kuda
