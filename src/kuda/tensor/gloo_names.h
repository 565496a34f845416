#pragma once
// The names of Gloo that c10d/ProcessGroupGloo.hpp mentions. LibTorch holds Gloo's code but not its headers, and what
// a distribution packages is of another version. CMake puts this file in the place of each of them (kuda_gloo.cmake).
// Included by process_group.cpp alone, which only hands pointers to these types back to LibTorch: nothing here is
// created, called or measured, so only the names must be right. CMake tries it with the LibTorch that it finds.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace rendezvous {
class Store {
 public:
  virtual ~Store() = default;
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace rendezvous

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

}  // namespace gloo
