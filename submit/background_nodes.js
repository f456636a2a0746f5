// SPDX-License-Identifier: GPL-3.0-or-later
// The job type of Background Nodes for Flamenco. Put it into the folder `scripts` beside flamenco-manager, and start that
// anew. `background-nodes submit --to flamenco` fills in the settings.

const JOB_TYPE = {
  label: "Background Nodes",
  description: "A graph of Background Nodes. Submit it with the command background-nodes submit",
  settings: [
    { key: "job_folder", type: "string", subtype: "dir_path", required: true, visible: "web",
      description: "The job's folder, which all workers must reach" },
    { key: "command", type: "string", default: "background-nodes", required: true, visible: "web",
      description: "The command of Background Nodes on the workers" },
    { key: "submitter", type: "string", visible: "web", description: "Who allows the scripts of the job" },
    { key: "steps", type: "string", required: true, visible: "hidden",
      description: "JSON: of each step its name, the numbers of those before it, and the arguments of its tasks" },
  ],
};

function compileJob(job) {
  const settings = job.settings;
  const tasksOfSteps = [];
  for (const step of JSON.parse(settings.steps)) {
    const tasks = step.tasks.map((args, index) => {
      const name = step.tasks.length > 1 ? `${step.name} ${index + 1}/${step.tasks.length}` : step.name;
      const task = author.Task(name, "blender");
      task.addCommand(author.Command("exec", {
        exe: settings.command,
        args: ["step", settings.job_folder].concat(args),
      }));
      for (const before of step.after) {
        tasksOfSteps[before].forEach((each) => task.addDependency(each));
      }
      return task;
    });
    tasks.forEach((task) => job.addTask(task));
    tasksOfSteps.push(tasks);
  }
}
