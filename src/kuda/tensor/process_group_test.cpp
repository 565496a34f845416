#include "kuda/tensor/process_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/tensor/test_processes.h"

namespace kuda {
namespace {

using namespace testing_processes;
using test::error_of;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ProcessGroup, WithoutALauncherAProcessIsAlone) {
  for (const auto& variables : {Variables{}, Variables{{"WORLD_SIZE", ""}, {"RANK", "3"}},
                                Variables{{"WORLD_SIZE", "1"}, {"RANK", "nonsense"}}}) {
    const Environment environment(variables);
    const auto group = ProcessGroup::from_environment("cuda", kPatience);
    EXPECT_TRUE(group->is_alone());
    EXPECT_TRUE(group->is_first());
    EXPECT_EQ(group->own_device("cuda"), "cuda");
    std::vector<double> values{1, 2};
    group->sum(values);
    EXPECT_THAT(values, ElementsAre(1, 2));
    EXPECT_THROW(group->together([] { throw DataError("bad"); }), DataError);
  }
}

TEST(ProcessGroup, ValuesThatMakeNoSenseAreNamed) {
  const auto refused = [](Variables changes) {
    Variables variables{{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "29500"}};
    changes.merge(variables);
    const Environment environment(changes);
    return error_of<ConfigError>([] { (void)ProcessGroup::from_environment("cpu", kPatience); });
  };
  EXPECT_THAT(refused({{"WORLD_SIZE", "two"}}), HasSubstr("WORLD_SIZE: expected a whole number from 1 to"));
  EXPECT_THAT(refused({{"WORLD_SIZE", "0"}}), HasSubstr("found '0'"));
  EXPECT_THAT(refused({{"RANK", "2"}}), HasSubstr("RANK: expected a whole number from 0 to 1, found '2'"));
  EXPECT_THAT(refused({{"RANK", ""}}), AllOf(HasSubstr("RANK"), HasSubstr("found nothing"), HasSubstr("torchrun")));
  EXPECT_THAT(refused({{"MASTER_PORT", "70000"}}), HasSubstr("MASTER_PORT"));
  EXPECT_THAT(refused({{"MASTER_ADDR", ""}}), HasSubstr("MASTER_ADDR"));
}

TEST(ProcessGroup, AGroupThatIsNotCompleteEndsWithAnError) {
  for (const char* rank : {"0", "1"}) {  // the one that the others look for, and one that finds nobody
    const Environment environment({{"WORLD_SIZE", "2"},
                                   {"RANK", rank},
                                   {"MASTER_ADDR", "127.0.0.1"},
                                   {"MASTER_PORT", std::to_string(free_port())}});
    const auto message = error_of<Error>([] { (void)ProcessGroup::from_environment("cpu", std::chrono::seconds(2)); });
    EXPECT_THAT(message, AllOf(HasSubstr("the processes did not find each other through 127.0.0.1:"),
                               HasSubstr("within 2 s"), HasSubstr("--join-seconds")));
    EXPECT_EQ(message.find("frame #"), std::string::npos) << "no stack of LibTorch";
  }
}

TEST(ProcessGroup, AddsUpTensorsOfAnyForm) {
  const auto messages = in_processes(3, [](const ProcessGroup& group) {
    const auto rank = double(group.rank());
    const auto check = [&](bool fact, const char* what) {
      if (!fact) throw Error(what);
    };
    const auto strided = torch::full({4, 3}, rank + 1).t();
    group.sum(strided);
    check(strided.eq(6).all().item<bool>(), "strided");
    const auto whole = torch::tensor({std::int64_t(1) << 40U});
    group.sum(whole);
    check(whole.item<std::int64_t>() == std::int64_t(3) << 40U, "int64");
    group.sum(torch::zeros({0}));
    check(group.first_says(group.is_first()) && !group.first_says(!group.is_first()), "first_says");
    group.expect_same("text", "what");
    int done = 0;
    group.first_does([&] { ++done; });
    check(done == (group.is_first() ? 1 : 0), "first_does");
    check(group.own_device("cuda") == "cuda:" + std::to_string(group.rank()) && group.own_device("cpu") == "cpu",
          "own_device");
  });
  EXPECT_THAT(messages, Each(IsEmpty()));
}

TEST(ProcessGroup, AnErrorKeepsItsKindAndItsExitCode) {
  const auto messages = in_processes(2, [](const ProcessGroup& group) {
    for (const int code : {5, 6}) {
      try {
        group.together([&] {
          if (group.rank() == 1 && code == 5) throw CheckpointError("damaged");
          if (group.rank() == 1 && code == 6) throw Interrupted("stopped");
        });
        throw std::runtime_error("nothing was thrown");
      } catch (const Error& error) {
        if (error.exit_code() != code) throw std::runtime_error("another exit code");
        if (code == 6 && dynamic_cast<const Interrupted*>(&error) == nullptr) throw std::runtime_error("another kind");
      }
    }
  });
  EXPECT_THAT(messages, Each(IsEmpty()));
}

}  // namespace
}  // namespace kuda
