#include "kuda/io/pickle/pickle.h"

#include <fmt/format.h>

#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/io/file_kind.h"
#include "kuda/io/pickle/pickle_harmless.h"
#include "kuda/io/pickle/pickle_machine.h"
#include "kuda/io/pickle/pickle_numpy.h"
#include "kuda/io/torch_objects.h"

namespace kuda::io {
namespace {

/// The first bytes of files that are often taken for pickles. None of them starts a valid pickle.
void refuse_other_formats(const PickleSource& source) {
  if (source.bytes.empty()) throw FormatError(source.name + ": byte 0: the file is empty");
  if (const auto other = recognise(source.bytes, source.name))
    throw FormatError(fmt::format("{}: byte 0: this is {}, not a pickle", source.name, other->name), other->hint);
  const std::string_view start(reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size());
  // Protocols 2 and later start with PROTO; 0 and 1 with one of the opcodes that push the root.
  if (std::string_view("\x80(}])lcNIJKMLFGSTUVXBC\x88\x89").find(start.front()) == std::string_view::npos)
    throw FormatError(source.name + ": byte 0: this is not a pickle",
                      "pickle files start with byte 0x80 (protocol 2 and later)");
}

const PickleDialect& feature_dialect() {
  static const PickleDialect dialect = [] {
    PickleDialect result;
    add_numpy_globals(result);
    add_ordered_dict(result);
    add_tensor_globals(result);
    add_storage_in_bytes(result);
    leave_out_harmless(result);
    result.hint = "a feature file holds plain values and arrays of numpy or torch; nothing else is ever loaded";
    return result;
  }();
  return dialect;
}

Value read_source(const PickleSource& source) {
  refuse_other_formats(source);
  PickleMachine machine(source, feature_dialect());
  Value root = machine.run();
  if (root.kind() == Value::Kind::object)
    machine.fail(fmt::format("refused: the file is {}, not a dict of plain values and arrays", printable(root.text())),
                 recipe_for(root.text()));
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
