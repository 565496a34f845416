#include "kuda/io/weights_file.h"

#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/file_kind.h"
#include "kuda/io/torch_file.h"
#include "kuda/io/torch_zip.h"

namespace kuda::io {
namespace {

/// Eight bytes of length and the brace of JSON. No pickle and no zip archive has it there.
bool starts_as_safetensors(std::string_view content) {
  if (content.size() < 9 || content[8] != '{') return false;
  return content[5] == '\0' && content[6] == '\0' && content[7] == '\0';  // of a header below a terabyte
}

}  // namespace

ArrayFile read_weights(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (content.empty()) throw FormatError(name + ": byte 0: the file is empty");
  if (starts_as_safetensors(content)) return read_safetensors(bytes, std::move(owner), name);
  if (content.starts_with("PK")) return read_torch_zip(bytes, std::move(owner), name);
  if (is_torch_legacy(bytes)) return read_torch_legacy(bytes, std::move(owner), name);
  if (const auto other = recognise(bytes, name, FileUse::weights))
    throw FormatError(name + ": byte 0: this is " + other->name + ", not a file of weights", other->hint);
  if (content.starts_with('\x80'))
    throw FormatError(name + ": byte 0: a pickle that torch.save did not write",
                      "in Python: state = pickle.load(open(FILE, 'rb')); torch.save(state, 'weights.pth')");
  throw FormatError(name + ": byte 0: neither a safetensors file nor one of torch.save",
                    "a download may have been cut short or be something else: `file FILE` tells");
}

ArrayFile read_weights(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_weights(file->bytes(), file, path.string());
}

}  // namespace kuda::io
