#include "kuda/io/torch_zip.h"

#include <algorithm>
#include <map>

#include "kuda/base/error.h"
#include "kuda/io/torch_objects.h"
#include "kuda/io/torch_state.h"
#include "kuda/io/zip.h"

namespace kuda::io {
namespace {

/// The storages of one archive.
class ZipStorages : public TorchStorages {
 public:
  ZipStorages(ZipArchive& archive, std::string folder) : archive_(archive), folder_(std::move(folder)) {}

  const ByteView& bytes(PickleMachine& /*machine*/, const std::string& key) override {
    const auto known = read_.find(key);
    if (known != read_.end()) return known->second;
    return read_.emplace(key, archive_.member(folder_ + "data/" + key)).first->second;
  }

 private:
  ZipArchive& archive_;
  std::string folder_;
  std::map<std::string, ByteView> read_;
};

/// The folder of the archive that holds data.pkl, with its slash.
std::string pickle_folder(const ZipArchive& archive, const std::string& name) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const std::string& member : archive.names())
    if (member == kPickle || member.ends_with("/data.pkl")) return member.substr(0, member.size() - kPickle.size());
  throw FormatError(name + ": a zip archive without data.pkl: this is not a file of torch.save");
}

void check_archive(ZipArchive& archive, const std::string& folder, const std::string& name) {
  if (std::any_of(archive.names().begin(), archive.names().end(),
                  [&](const std::string& member) { return member.starts_with(folder + "code/"); }))
    throw FormatError(name + ": this is a TorchScript program, not a state dictionary",
                      "in Python: torch.save(torch.jit.load(FILE).state_dict(), 'state.pth')");
  if (!archive.contains(folder + "byteorder")) return;          // PyTorch before 2.1: little-endian
  const ByteView order = archive.member(folder + "byteorder");  // with its owner: a packed member is in memory
  if (std::string_view(reinterpret_cast<const char*>(order.bytes.data()), order.bytes.size()) != "little")
    throw FormatError(name + ": tensors in big-endian byte order are not supported");
}

}  // namespace

ArrayFile read_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  ZipArchive archive(bytes, std::move(owner), name);
  const std::string folder = pickle_folder(archive, name);
  check_archive(archive, folder, name);
  ZipStorages storages(archive, folder);
  const PickleDialect dialect = torch_dialect(storages);
  ByteView pickle = archive.member(folder + "data.pkl");
  PickleMachine machine({pickle.bytes, pickle.owner, name + ": data.pkl"}, dialect);
  return state_in(machine.run(), name);
}

}  // namespace kuda::io
