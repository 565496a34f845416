#include "kuda/io/pickle/pickle.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/io/pickle/pickle_machine.h"
#include "kuda/io/pickle/pickle_numpy.h"

namespace kuda::io {
namespace {

struct OtherFormat {
  std::string_view magic, name, hint;
};

constexpr std::array<OtherFormat, 6> kOtherFormats{{
    {"PK\x03\x04", "a zip file (npz or torch)", "give it its own extension: .npz, .pth or .pt"},
    {"\x1f\x8b", "a gzip file", "unpack it first: gunzip FILE"},
    {"BZh", "a bzip2 file", "unpack it first: bunzip2 FILE"},
    {"\xfd"
     "7zXZ",
     "an xz file", "unpack it first: unxz FILE"},
    {"\x93NUMPY", "a NumPy array", "give it its own extension: .npy"},
    {"version https://git-lfs", "a Git LFS pointer", "fetch the real file: git lfs pull"},
}};

/// The first bytes of files that are often taken for pickles. None of them starts a valid pickle.
void refuse_other_formats(const PickleSource& source) {
  if (source.bytes.empty()) throw FormatError(source.name + ": byte 0: the file is empty");
  const std::string_view start(reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size());
  for (const OtherFormat& other : kOtherFormats)
    if (start.starts_with(other.magic))
      throw FormatError(fmt::format("{}: byte 0: this is {}, not a pickle", source.name, other.name),
                        std::string(other.hint));
  // Protocols 2 and later start with PROTO; 0 and 1 with one of the opcodes that push the root.
  if (std::string_view("\x80(}])lcNIJKMLFGSTUVXBC\x88\x89").find(start.front()) == std::string_view::npos)
    throw FormatError(source.name + ": byte 0: this is not a pickle",
                      "pickle files start with byte 0x80 (protocol 2 and later)");
}

const PickleDialect& feature_dialect() {
  static const PickleDialect dialect = [] {
    PickleDialect result;
    add_numpy_globals(result);
    result.hint = "a feature file holds plain values and numpy arrays only; nothing else is ever loaded";
    return result;
  }();
  return dialect;
}

Value read_source(const PickleSource& source) {
  refuse_other_formats(source);
  PickleMachine machine(source, feature_dialect());
  Value root = machine.run();
  if (machine.trailing_bytes() != 0)
    log_warning("{}: {} bytes after the end of the pickle are ignored", source.name, machine.trailing_bytes());
  return root;
}

}  // namespace

Value read_pickle(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  return read_source({bytes, std::move(owner), name});
}

Value read_pickle(const std::shared_ptr<const MappedFile>& file) {
  return read_source({file->bytes(), file, file->path().string(), file.get()});
}

Value read_pickle(const std::filesystem::path& path) { return read_pickle(MappedFile::open(path)); }

}  // namespace kuda::io
