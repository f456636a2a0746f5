# SPDX-License-Identifier: GPL-3.0-or-later
"""An add-on that sends scripts to background Blenders, for authors of add-ons to read and to try.

It shows two ways to use `JobManager` of Background Nodes: a modal operator that polls a job, and a callback at its end.
A panel in the Sidebar of the 3D Viewport lists the jobs. The scripts are in the folder `jobs` beside this file.

To try it, open it in the Text Editor and press Alt P. To install it, make a zip of it and the folder:

    python -m zipfile -c job_panel.zip job_panel.py jobs
"""

import ast
import sys
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_

bl_info = {
    "name": "Job Panel",
    "description": "Send example scripts to background Blenders, and list them",
    "author": "Background Nodes contributors",
    "version": (1, 0, 0),
    "blender": (4, 2, 0),
    "location": "3D Viewport > Sidebar > Jobs",
    "category": "Development",
}

#: Names our manager among those of other add-ons. In an extension of your own, take __package__.
MANAGER = "job_panel"
#: Seconds between two looks at the jobs.
INTERVAL = 0.1
#: What "Bar Chart" shows.
VALUES = (3, 1, 4, 1, 5, 9, 2, 6)
NO_SCRIPTS = "The folder 'jobs' is not beside job_panel.py"
ICONS = {"QUEUED": "TIME", "ACTIVE": "PLAY", "COMPLETED": "CHECKMARK", "DROPPED": "ERROR"}


def find_folder():
    """The folder of this file. Run in the Text Editor, only the text knows it."""
    is_text = __name__ == "__main__"
    return Path(bpy.path.abspath(bpy.context.space_data.text.filepath) if is_text else __file__).parent


def find_scripts():
    """The scripts as items of a menu: the path, the name, and what the first line of the docstring says."""
    found = []
    for path in sorted(find_folder().glob("jobs/*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        name = path.stem.replace("_", " ").title()
        found.append((str(path), name, docstring.partition("\n")[0].rstrip(".")))
    return found or [("NONE", "None Found", NO_SCRIPTS)]


SCRIPTS = find_scripts()


def get_manager():
    """Our JobManager; None if Background Nodes is not enabled."""
    # The name of an extension begins with that of the repository it came from.
    enabled = bpy.context.preferences.addons.keys()
    name = next((name for name in enabled if name.rpartition(".")[2] == "background_nodes"), "background_nodes")
    module = sys.modules.get(name)
    return None if module is None else module.JobManager.get_instance(MANAGER)


# What all operators need


def add_job(operator, context, **options):
    """Add the job that an operator is set to. Returns its name; "" if it can't be, which is reported."""
    settings = context.window_manager.job_panel
    manager = get_manager()
    manager.max_workers = settings.max_workers
    obj = context.object
    label = next(label for path, label, _description in SCRIPTS if path == operator.script)
    name = new_name(manager, f"{label}: {obj.name}")
    added, reason = manager.add_job(
        name,
        operator.script,
        timeout=settings.timeout,
        passed_data={"object_name": obj.name, "values": VALUES},
        passed_data_blocks={obj},
        **options,
    )
    if not added:
        operator.report({"ERROR"}, reason)
    return name if added else ""


def new_name(manager, name):
    """The name, with a number if there is a job of that name: a new job would take its place."""
    names, number = manager.get_job_names(), 2
    while name in names:
        name = f"{name.partition(' #')[0]} #{number}"
        number += 1
    return name


def link_results(retrieved):
    """Put objects that came back into the scene. One that took the place of another is where that was."""
    for obj in retrieved.objects:
        if not obj.users_collection:
            bpy.context.scene.collection.objects.link(obj)


_shown = []


def redraw():
    """Draw the panel anew if it would show something else."""
    manager = get_manager()
    now = [] if manager is None else [(job.name, job.state, round(job.progress, 2)) for job in manager.jobs]
    if now == _shown:
        return
    _shown[:] = now
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


class AddJob:
    """What both operators have in common."""

    script: bpy.props.EnumProperty(name="Script", description="What runs in the background", items=SCRIPTS)

    @classmethod
    def poll(cls, context):
        if get_manager() is None:
            cls.poll_message_set("Background Nodes is not enabled")
            return False
        if SCRIPTS[0][0] == "NONE":
            cls.poll_message_set(NO_SCRIPTS)
            return False
        if context.object is None or context.object.type != "MESH":
            cls.poll_message_set("The active object is no mesh")
            return False
        return True


# The first way: a modal operator polls the job. It can report to the artist, and knows the context it was called in;
# as long as it runs, Blender saves no temporary copies of the file.


class JOB_PANEL_OT_add(AddJob, bpy.types.Operator):
    """Run the script on the active object in a background Blender. An operator waits for its end"""

    bl_idname = "job_panel.add"
    bl_label = "Add Job"
    bl_options = {"UNDO"}  # with "REGISTER", *Adjust Last Operation* would offer to do it all again

    _timer = None
    _job = ""

    def invoke(self, context, _event):
        # The operator makes the undo step, when it has linked the results.
        self._job = add_job(self, context, push_undo=False)
        if not self._job:
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(INTERVAL, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        manager = get_manager()
        if manager is None or self._job not in manager.get_job_names():  # it was cleared from the list
            self.remove_timer(context)
            return {"CANCELLED"}
        manager.process_job(self._job, overwrite_data=context.window_manager.job_panel.overwrite)
        redraw()
        if manager.get_job_state(self._job) in {"QUEUED", "ACTIVE"}:
            return {"PASS_THROUGH"}
        self.remove_timer(context)
        return self.finish(manager)

    def execute(self, context):
        """From a script, or in background mode: no events come, so wait."""
        self._job = add_job(self, context, push_undo=False, overwrite_data=context.window_manager.job_panel.overwrite)
        if not self._job:
            return {"CANCELLED"}
        manager = get_manager()
        if manager.get_job(self._job).wait() == "ACTIVE":  # what it is to overwrite is edited, and stays so meanwhile
            manager.kill_job(self._job)
        return self.finish(manager)

    def finish(self, manager):
        """Tell how the job ended, and take what it gave."""
        if manager.job_complete(self._job):
            link_results(manager.get_retrieved_data_blocks(self._job))
            data = manager.get_retrieved_python_data(self._job)
            self.report({"INFO"}, rpt_("{job} is done: {data}").format(job=self._job, data=data))
            return {"FINISHED"}
        if manager.job_timed_out(self._job):
            self.report({"WARNING"}, rpt_("{job} took too long").format(job=self._job))
        elif manager.job_killed(self._job):
            self.report({"INFO"}, rpt_("{job} was killed").format(job=self._job))
        else:  # no "ERROR", which pops up under the mouse while the artist does something else
            reason = manager.get_issue_string(self._job).partition("\n")[0]
            self.report({"WARNING"}, reason)
        return {"CANCELLED"}

    def cancel(self, context):
        """Blender calls this when another file is opened, or the window closed."""
        self.remove_timer(context)
        manager = get_manager()
        if manager is not None and self._job in manager.get_job_names():
            manager.kill_job(self._job)

    def remove_timer(self, context):
        context.window_manager.event_timer_remove(self._timer)
        self._timer = None


# The second way: Background Nodes calls a function at the end. Nothing has to poll; the timer is for the panel only.


class JOB_PANEL_OT_add_with_callback(AddJob, bpy.types.Operator):
    """Run the script on the active object in a background Blender. A function is called at its end"""

    bl_idname = "job_panel.add_with_callback"
    bl_label = "Add Job with Callback"

    def execute(self, context):
        overwrite = context.window_manager.job_panel.overwrite
        if not add_job(self, context, overwrite_data=overwrite, on_complete=tell_end):
            return {"CANCELLED"}
        if not bpy.app.timers.is_registered(watch):
            bpy.app.timers.register(watch, persistent=True)
        return {"FINISHED"}


def tell_end(job):
    """Take what a job gave; or print why there is nothing."""
    if job.state == "COMPLETED":
        link_results(job.data_blocks)
        print(job.name, job.python_data)
    else:
        print(job.issue)


def watch():
    """Keep the panel up to date until all jobs are over."""
    redraw()
    manager = get_manager()
    is_over = manager is None or all(job.is_over for job in manager.jobs)
    return None if is_over else INTERVAL


# What can be done with jobs that are there


class JOB_PANEL_OT_kill(bpy.types.Operator):
    """End the job, with its background Blender"""

    bl_idname = "job_panel.kill"
    bl_label = "Kill Job"
    bl_options = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job")

    def execute(self, _context):
        get_manager().kill_job(self.job)
        redraw()
        return {"FINISHED"}


class JOB_PANEL_OT_clear(bpy.types.Operator):
    """Take the job from the list. What it brought stays"""

    bl_idname = "job_panel.clear"
    bl_label = "Clear Job"
    bl_options = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job")

    def execute(self, _context):
        get_manager().cleanup_job(self.job)
        redraw()
        return {"FINISHED"}


class JOB_PANEL_OT_clear_all(bpy.types.Operator):
    """Take all jobs that have ended from the list. What they brought stays"""

    bl_idname = "job_panel.clear_all"
    bl_label = "Clear Ended Jobs"

    @classmethod
    def poll(cls, _context):
        manager = get_manager()
        if manager is None or not any(job.is_over for job in manager.jobs):
            cls.poll_message_set("No job has ended")
            return False
        return True

    def execute(self, _context):
        manager = get_manager()
        for job in manager.jobs:
            if job.is_over:
                manager.cleanup_job(job.name)
        redraw()
        return {"FINISHED"}


class JOB_PANEL_OT_copy_issue(bpy.types.Operator):
    """Copy why the job was dropped"""

    bl_idname = "job_panel.copy_issue"
    bl_label = "Copy Issue"
    bl_options = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job")

    @classmethod
    def description(cls, _context, properties):
        """The tooltip is the issue itself."""
        return get_manager().get_issue_string(properties.job)

    def execute(self, context):
        context.window_manager.clipboard = get_manager().get_issue_string(self.job)
        self.report({"INFO"}, "Copied the issue to the clipboard")
        return {"FINISHED"}


# The panels


class JobPanelSettings(bpy.types.PropertyGroup):
    """What the panels are set to. It belongs to the window manager: nothing of this is in the file or undone."""

    script: bpy.props.EnumProperty(name="Script", description="What the next job runs", items=SCRIPTS)
    max_workers: bpy.props.IntProperty(
        name="Workers", description="How many jobs may run at the same time", default=2, min=1, soft_max=8
    )
    timeout: bpy.props.FloatProperty(
        name="Time Limit",
        description="How long a job may take, 0 for no limit",
        default=20.0,
        min=0.0,
        step=100,
        subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE",
    )
    overwrite: bpy.props.BoolProperty(
        name="Overwrite", description="Put what comes back in the place of what has its name in the file"
    )
    shown: bpy.props.EnumProperty(
        name="Show",
        description="Which jobs are listed",
        items=(
            ("ALL", "All", "All jobs"),
            ("QUEUED", "Queued", "Jobs that wait for a background Blender"),
            ("ACTIVE", "Active", "Jobs that run"),
            ("COMPLETED", "Completed", "Jobs whose results are in the file"),
            ("DROPPED", "Dropped", "Jobs that failed, took too long or were killed"),
        ),
    )


class JobPanel:
    """Where the panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Jobs"


class JOB_PANEL_PT_add(JobPanel, bpy.types.Panel):
    bl_label = "Add Job"

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = context.window_manager.job_panel
        column = layout.column()
        column.prop(settings, "script")
        column.prop(settings, "timeout")
        column.prop(settings, "max_workers")
        column.prop(settings, "overwrite")
        column = layout.column(align=True)
        column.operator("job_panel.add", icon="ADD").script = settings.script
        column.operator("job_panel.add_with_callback", icon="ADD").script = settings.script


class JOB_PANEL_PT_jobs(JobPanel, bpy.types.Panel):
    bl_label = "Jobs"

    @classmethod
    def poll(cls, _context):
        return get_manager() is not None

    def draw(self, context):
        layout = self.layout
        manager = get_manager()
        settings = context.window_manager.job_panel
        draw_numbers(layout, manager)
        row = layout.row(align=True)
        row.prop(settings, "shown", text="")
        row.operator("job_panel.clear_all", text="", icon="TRASH")
        jobs = [job for job in manager.jobs if settings.shown in {"ALL", job.state}]
        for job in jobs:
            draw_job(layout.box().column(align=True), job)
        if not jobs:
            layout.label(text="No Jobs")


def draw_numbers(layout, manager):
    grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
    for text, number, icon in (
        (iface_("{number} queued"), manager.num_pending_jobs(), "QUEUED"),
        (iface_("{number} active"), manager.num_running_jobs(), "ACTIVE"),
        (iface_("{number} completed"), manager.num_completed_jobs(), "COMPLETED"),
        (iface_("{number} dropped"), manager.num_dropped_jobs(), "DROPPED"),
    ):
        grid.label(text=text.format(number=number), icon=ICONS[icon], translate=False)


def draw_job(column, job):
    row = column.row()
    row.label(text=job.name, icon=ICONS[job.state], translate=False)
    button = "job_panel.clear" if job.is_over else "job_panel.kill"
    row.operator(button, text="", icon="X" if job.is_over else "CANCEL", emboss=False).job = job.name
    if job.state == "QUEUED":
        column.progress(factor=0.0, text="Waiting")
    elif job.state == "ACTIVE":
        column.progress(factor=job.progress, text=f"{job.progress:.0%}")
    elif job.state == "DROPPED":
        row = column.row()
        reason = row.row()
        reason.alert = True
        reason.label(text=job.error.message, icon="BLANK1", translate=False)
        row.operator("job_panel.copy_issue", text="", icon="INFO", emboss=False).job = job.name


classes = (
    JobPanelSettings,
    JOB_PANEL_OT_add,
    JOB_PANEL_OT_add_with_callback,
    JOB_PANEL_OT_kill,
    JOB_PANEL_OT_clear,
    JOB_PANEL_OT_clear_all,
    JOB_PANEL_OT_copy_issue,
    JOB_PANEL_PT_add,
    JOB_PANEL_PT_jobs,
)


def register():
    for cls in classes:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.job_panel = bpy.props.PointerProperty(type=JobPanelSettings)


def unregister():
    manager = get_manager()
    if manager is not None:
        manager.kill_all()
    if bpy.app.timers.is_registered(watch):
        bpy.app.timers.unregister(watch)
    del bpy.types.WindowManager.job_panel
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)


if __name__ == "__main__":  # run in the Text Editor
    register()
